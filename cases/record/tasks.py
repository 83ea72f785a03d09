"""What beat starts of the record."""

from __future__ import annotations

from celery import shared_task

from cases.record import sealing


@shared_task
def seal_record() -> None:
    """Seal what was added; called twice it finds nothing the second time."""
    sealing.seal_new()


@shared_task
def anchor_record() -> None:
    """Write down outside the database where the chain ends."""
    sealing.anchor()
