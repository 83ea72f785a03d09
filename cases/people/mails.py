"""The mail that invites. One that cannot be sent never breaks a page."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.translation import gettext as _t

if TYPE_CHECKING:
    from cases.models import Invitation

logger = logging.getLogger(__name__)


def send_invitation(invitation: Invitation, link: str) -> bool:
    """Mail the link to the invited address; False where the mail server does not take it.

    It speaks the language of who gets it; where that is not known, the language of the page.
    """
    account = get_user_model().objects.filter(email=invitation.email).first()
    with translation.override((account and account.language) or translation.get_language()):
        subject = _t("You are invited to “%(cohort)s” in SecondRead") % {"cohort": invitation.cohort.name}
        body = render_to_string("people/mail/invitation.txt", {"invitation": invitation, "link": link})
    try:
        send_mail(" ".join(subject.split()), body, None, [invitation.email])
    except (SMTPException, OSError):
        logger.warning("The mail of invitation %s could not be sent.", invitation.pk)
        return False
    return True
