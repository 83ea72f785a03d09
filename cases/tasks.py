"""What beat starts in the clinical domain."""

from __future__ import annotations

from celery import shared_task

from cases.services import drafts


@shared_task
def finalise_left_behind() -> None:
    """Make final what readers submitted and left; called twice it finds nothing the second time."""
    drafts.finalise_left_behind()
