"""What beat starts of the reading."""

from __future__ import annotations

from celery import shared_task

from cases.reading import drafts


@shared_task
def finalise_left_behind() -> None:
    """Make final what readers submitted and left; called twice it finds nothing the second time."""
    drafts.finalise_left_behind()
