"""What the queue and beat start of the export."""

from __future__ import annotations

from celery import shared_task

from cases.export.snapshots import building

# Acks are late: a worker that dies over it leaves it to the next.
SOFT_SECONDS, HARD_SECONDS = 1500, 1560


@shared_task(soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS)
def build_waiting() -> None:
    """Write the snapshots that wait; called twice it finds nothing the second time."""
    building.build_waiting()
