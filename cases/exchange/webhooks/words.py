"""What pages say of an event and of an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.exchange.webhooks.hooks import TEST
from cases.lifecycle import HookEvent

if TYPE_CHECKING:
    from cases.models import WebhookDelivery

FAILURES = {
    "tls": _("The certificate is not valid, or TLS failed."),
    "timeout": _("No answer in time."),
    "unknown_host": _("The name of the address is not known."),
    "no_answer": _("No connection, or it broke off."),
    "address_refused": _("It leads into a network that is not allowed here."),
}


def event_words(event: str) -> str:
    """The event in words."""
    if event == TEST:
        return _t("Test")
    return str(HookEvent(event).label)


def answer_words(delivery: WebhookDelivery) -> str:
    """What the newest try was answered; empty before the first."""
    if delivery.answer_status is not None:
        return str(delivery.answer_status)
    return str(FAILURES.get(delivery.failure, delivery.failure))
