"""The mail that says that a webhook is paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.cohorts import administrators_of
from cases.mails import send_to_each
from cases.permissions import Action, may

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases.models import Webhook
    from portal.accounts.models import User


def send_notice_of_pause(hook: Webhook) -> None:
    """Mail to whoever made it, or, where they administer the study no more, to those who do."""
    send_to_each(
        _owners(hook),
        subject=lambda: _t("A webhook of “%(cohort)s” is paused") % {"cohort": hook.cohort.name},
        template="exchange/mail/webhook_paused.txt",
        told={"hook": hook},
    )


def _owners(hook: Webhook) -> Iterable[User]:
    if may(hook.created_by, Action.MANAGE, hook.cohort):
        return [hook.created_by]
    return administrators_of(hook.cohort)
