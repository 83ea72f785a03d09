"""What the queue and beat start of the export."""

from __future__ import annotations

from celery import shared_task

from cases.export.snapshots import building


@shared_task(soft_time_limit=building.SOFT_SECONDS, time_limit=building.HARD_SECONDS)
def build_waiting() -> None:
    """Write the snapshots that wait; called twice it finds nothing the second time."""
    building.build_waiting()
