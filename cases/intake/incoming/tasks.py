"""What the queue and beat start of uploads in pieces."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from cases.intake.incoming import receiving, working


@shared_task(name=working.TASK, soft_time_limit=working.SOFT_SECONDS, time_limit=working.HARD_SECONDS)
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
