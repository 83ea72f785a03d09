"""What beat starts of the evidence."""

from __future__ import annotations

from celery import shared_task

from cases.evidence import computed

SOFT_SECONDS, HARD_SECONDS = 540, 570


@shared_task(soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS)
def compute_waiting() -> None:
    """Compute the figures that pages wait for; called twice it finds nothing the second time."""
    computed.compute_waiting()
