"""What beat starts of the wires."""

from __future__ import annotations

from celery import shared_task

from cases.exchange.webhooks import delivering


@shared_task
def deliver_webhooks() -> None:
    """Send the events that are due; called while a round runs it does nothing."""
    delivering.deliver_due()


@shared_task
def forget_webhook_deliveries() -> None:
    """Delete the events of long ago."""
    delivering.forget_old()
