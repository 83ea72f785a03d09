"""Mails that tell people of a cohort something. One that cannot be sent breaks nothing."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from typing import TYPE_CHECKING

from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import translation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from portal.accounts.models import User

logger = logging.getLogger(__name__)


def send_to_each(
    people: Iterable[User], *, subject: Callable[[], str], template: str, told: Mapping[str, object]
) -> None:
    """Mail each of them, in the language that they read."""
    for person in people:
        with translation.override(person.language or None):
            head, body = " ".join(subject().split()), render_to_string(template, dict(told))
        try:
            send_mail(head, body, None, [person.email])
        except (SMTPException, OSError):
            logger.warning("%s could not be sent to %s.", template, person.pk)
