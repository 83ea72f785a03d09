"""What beat starts of the analyses, beside the sweep of the worker."""

from __future__ import annotations

from celery import shared_task

from cases.analysis import key_result


@shared_task
def catch_up() -> None:
    """Bring into the worklist what a worker of the version before has stored during an upgrade."""
    key_result.catch_up()
