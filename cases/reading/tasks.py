"""What beat starts in the clinical domain."""

from __future__ import annotations

from celery import shared_task

from cases.analysis import key_result
from cases.reading import drafts


@shared_task
def finalise_left_behind() -> None:
    """Make final what readers submitted and left; called twice it finds nothing the second time."""
    drafts.finalise_left_behind()


@shared_task
def catch_up() -> None:
    """Bring into the worklist what a worker of the version before has stored during an upgrade."""
    key_result.catch_up()
