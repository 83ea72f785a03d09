"""Rows that wait for a worker (models/leased.py): taken, held by a sign of life, put off, and moved on.

Whoever takes one gets a token, without which nothing of it is changed; who dies lets `next_at` pass, and the
next one takes it. It is the database's clock that a lease goes by: machines whose own clocks differ take
nothing from each other. Jobs have their own (analysis/jobs.py; docs/adr/0042-one-lease.md says why).
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import F, Q
from django.db.models.functions import Now

from cases.heartbeat import beating
from cases.models.leased import Leased

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from django.db.models import QuerySet

Row = TypeVar("Row", bound=Leased)
# Of work that gives a sign of life (`renewing`).
LEASE = timedelta(minutes=2)
# So often somebody died over a row, or failed: it is given up, with words.
MAX_ATTEMPTS = 3


class Lost(Exception):
    """The row is gone, or somebody else has it."""


def is_due() -> Q:
    """Rows that nobody holds, and that are not put off."""
    return Q(next_at__isnull=True) | Q(next_at__lte=Now())


def is_held() -> Q:
    """Rows that somebody is at work on."""
    return Q(token__isnull=False, next_at__gt=Now())


def take(rows: QuerySet[Row], waits: Q, *, lasting: timedelta = LEASE, **changes: Any) -> Row | None:
    """The first of the rows that waits and is due, and now this process's; None where there is none."""
    due = rows.filter(waits, is_due())
    while (key := due.values_list("pk", flat=True).first()) is not None:
        token = uuid.uuid4()
        taken = due.filter(pk=key).update(
            token=token, attempts=F("attempts") + 1, next_at=Now() + lasting, **changes
        )
        # Read once it is ours: what was read before may have moved since.
        if taken and (row := rows.filter(pk=key, token=token).first()):
            return row
    return None


def change(row: Leased, **changes: Any) -> None:
    """Change the row that this process has taken. Raises Lost."""
    if not _changed(row, **changes):
        raise Lost


def end(row: Leased, **changes: Any) -> None:
    """Move the row on, and hold it no longer. Raises Lost."""
    change(row, token=None, next_at=None, **changes)


def put_off(row: Leased, until: datetime | None = None, **changes: Any) -> None:
    """Let somebody try again, not before `until`. Raises Lost."""
    change(row, token=None, next_at=until, **changes)


def pause_after(attempts: int, *, first: timedelta, longest: timedelta) -> timedelta:
    """How long to wait before the next try: each time twice as long."""
    # Beyond a few doublings it is the longest pause anyway, and the number would grow past any date.
    factor: int = 2 ** min(attempts - 1, 10)
    return min(first * factor, longest)


def renewing(row: Leased, *, at_most: float, lasting: timedelta = LEASE) -> AbstractContextManager[None]:
    """Hold the row for the length of the block, by a sign of life. at_most: seconds."""
    return beating(
        lambda: _changed(row, next_at=Now() + lasting),
        lease_seconds=lasting.total_seconds(),
        at_most=at_most,
        of=f"{row._meta.model_name} {row.pk}",
    )


def _changed(row: Leased, **changes: Any) -> bool:
    if row.token is None:
        return False
    held = type(row)._default_manager.filter(pk=row.pk, token=row.token)  # noqa: SLF001 - Django's public name
    return bool(held.update(**changes))
