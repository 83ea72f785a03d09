"""What beat starts of the API."""

from __future__ import annotations

from celery import shared_task

from cases.api import once


@shared_task
def forget_kept_answers() -> None:
    """Delete the answers of yesterday's Idempotency-Keys."""
    once.forget_old()
