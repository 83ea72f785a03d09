"""What beat starts of the evidence."""

from __future__ import annotations

from celery import shared_task

from cases.evidence import computed


@shared_task(soft_time_limit=computed.SOFT_SECONDS, time_limit=computed.HARD_SECONDS)
def compute_waiting() -> None:
    """Compute the figures that pages wait for; called twice it finds nothing the second time."""
    computed.compute_waiting()
