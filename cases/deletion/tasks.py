"""What beat starts of deletion."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cases import removals
from cases.deletion import ledger, requests, retention
from cases.deletion.acts import FILES_AT_ONCE, finish_deletions


@shared_task
def clear_up_deletions() -> None:
    """Finish what deletions have begun: traces that came meanwhile, files, lines of the ledger."""
    finish_deletions()
    while removals.remove_waiting(FILES_AT_ONCE) == FILES_AT_ONCE:
        pass
    ledger.write_missing()


@shared_task
def remove_forgotten_maps() -> None:
    """Find heat maps that no result names, in this hour's folders; `clear_up_deletions` erases them."""
    removals.remove_forgotten_maps(timezone.now().hour)


@shared_task
def look_for_expired() -> None:
    """Propose what cohorts have kept long enough, and end requests that waited too long."""
    requests.run_out()
    retention.look_for_expired()
