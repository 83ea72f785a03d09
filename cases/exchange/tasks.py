"""What the queue and beat start of sending. A task for each destination: who does not answer holds up nobody
else.
"""

from __future__ import annotations

from celery import shared_task

from cases.exchange import delivery
from cases.exchange.deadline import MOST_SECONDS

# Of a round that begins its last case just before it is over.
SOFT_SECONDS = int(delivery.ROUND_SECONDS + MOST_SECONDS)
HARD_SECONDS = SOFT_SECONDS + 60


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
