"""The mail that says that a webhook is paused. One that cannot be sent breaks nothing."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _t

from cases.models import Membership
from cases.permissions import Action, may, roles_with

if TYPE_CHECKING:
    from cases.models import Webhook
    from portal.accounts.models import User

logger = logging.getLogger(__name__)


def send_notice_of_pause(hook: Webhook) -> None:
    """Mail to whoever made it, or, where they administer the study no more, to those who do."""
    for person in _owners(hook):
        with translation.override(person.language or None):
            subject = _t("A webhook of “%(cohort)s” is paused") % {"cohort": hook.cohort.name}
            body = render_to_string("exchange/mail/webhook_paused.txt", {"hook": hook})
        try:
            send_mail(" ".join(subject.split()), body, None, [person.email])
        except (SMTPException, OSError):
            logger.warning("The notice of webhook %s could not be sent.", hook.pk)


def _owners(hook: Webhook) -> list[User]:
    if may(hook.created_by, Action.MANAGE, hook.cohort):
        return [hook.created_by]
    held = Membership.objects.filter(cohort=hook.cohort, role__in=roles_with(Action.MANAGE))
    return list(get_user_model().objects.filter(pk__in=held.values("user"), is_active=True))
