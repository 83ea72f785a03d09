"""What the queue and beat start of uploads in pieces."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from cases.intake.incoming import receiving, working

# Of an upload as large as one may be; what moves on renews its lease all the while.
SOFT_SECONDS, HARD_SECONDS = 3600, 3660


@shared_task(name=working.TASK, soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS)
def work_on(upload_id: str) -> None:
    """Look at an upload, or take it in."""
    working.work_on(UUID(upload_id))


@shared_task
def send_waiting() -> None:
    """Tell workers again of what waits."""
    working.send_waiting()


@shared_task
def sweep() -> None:
    """Throw away what was kept for long enough."""
    receiving.sweep()
