"""The mail that reminds a reader of what remains. One that cannot be sent never breaks a page."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _t

from cases import audit
from cases.permissions import Action, require
from cases.setup.progress import progress_of

if TYPE_CHECKING:
    from uuid import UUID

    from cases.models import Cohort
    from portal.accounts.models import User

logger = logging.getLogger(__name__)


def remind(*, by: User, cohort: Cohort, reader: UUID, link: str) -> User:
    """Mail one reader what remains by the plan, in the reader's language; the audit keeps it.

    Raises ValidationError where nothing remains, and where the mail server does not take it.
    """
    require(by, Action.MANAGE, cohort)
    row = next((row for row in progress_of(cohort) if row.reader.pk == reader), None)
    if row is None or not row.remaining or not row.reader.is_active:
        raise ValidationError(
            _t("By the plan nothing remains for this reader: there is nothing to remind of.")
        )
    with translation.override(row.reader.language or translation.get_language()):
        subject = _t("Cases of “%(cohort)s” wait for your reading") % {"cohort": cohort.name}
        told = {"cohort": cohort, "row": row, "until": cohort.planned_until, "link": link}
        body = render_to_string("setup/mail/reminder.txt", told)
    try:
        send_mail(" ".join(subject.split()), body, None, [row.reader.email])
    except (SMTPException, OSError):
        logger.warning("A reminder to %s could not be sent.", row.reader.pk)
        raise ValidationError(_t("The mail server did not take the mail. Try again later.")) from None
    with transaction.atomic():
        audit.record(
            by=by, action="reader.reminded", subject=row.reader, cohort=cohort, remaining=row.remaining
        )
    return row.reader
