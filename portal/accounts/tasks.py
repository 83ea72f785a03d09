"""What beat starts of the accounts."""

from __future__ import annotations

from celery import shared_task

from portal.accounts import sessions


@shared_task
def clear_sessions() -> None:
    """Forget sessions that have ended."""
    sessions.clear()
