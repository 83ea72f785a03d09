"""The mails that the portal writes. One that cannot be sent never breaks a page."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager
from smtplib import SMTPException

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _t

from cases.models import Invitation
from portal.accounts.models import User

logger = logging.getLogger(__name__)


def spoken_to(account: User | None) -> AbstractContextManager[None]:
    """Speak the language of who gets the mail; where that is not known, the language of the page."""
    language = account.language if account else ""
    return translation.override(language or translation.get_language())


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Mail the link to the invited address; False where the mail server does not take it."""
    account = User.objects.filter(email=invitation.email).first()
    with spoken_to(account):
        subject = _t("You are invited to “%(cohort)s” in SecondRead") % {"cohort": invitation.cohort.name}
        body = render_to_string("accounts/mail/invitation.txt", {"invitation": invitation, "link": link})
    try:
        send_mail(" ".join(subject.split()), body, None, [invitation.email])
    except (SMTPException, OSError):
        logger.warning("The mail of invitation %s could not be sent.", invitation.pk)
        return False
    return True
