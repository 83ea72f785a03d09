"""What the queue and beat start of the wires: webhooks, and what is sent to archives.

A task for each archive: who does not answer holds up nobody else.
"""

from __future__ import annotations

from celery import shared_task

from cases.exchange import delivery
from cases.exchange.deadline import MOST_SECONDS
from cases.exchange.webhooks import delivering

# Of a round that begins its last case just before it is over.
SOFT_SECONDS = int(delivery.ROUND_SECONDS + MOST_SECONDS)
HARD_SECONDS = SOFT_SECONDS + 60


@shared_task
def deliver_webhooks() -> None:
    """Send the events that are due; called while a round runs it does nothing."""
    delivering.deliver_due()


@shared_task
def forget_webhook_deliveries() -> None:
    """Delete the events of long ago."""
    delivering.forget_old()


@shared_task
def send_waiting() -> None:
    """Ask for what became final, and wake a task up for each destination that something is due for."""
    delivery.queue_final()
    for name in delivery.due():
        send_to.apply_async(args=(name,), expires=HARD_SECONDS)


@shared_task(soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS)
def send_to(name: str) -> None:
    """Send what is due to one destination; called twice at once, each sends what the other does not."""
    delivery.send_to(name)
