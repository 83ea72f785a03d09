"""Asking for a snapshot, and writing it: each table once, as compressed lines under a name made of its
content.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import tempfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from django.db import connection, connections, transaction
from django.db.models import Q
from django.utils import timezone

from cases import audit, events, leases, storage
from cases.export.rows import batched
from cases.export.snapshots.rows import expected_rows, rows_of
from cases.export.snapshots.tables import SCHEMA_VERSION, TABLES
from cases.lifecycle import HookEvent, SnapshotState
from cases.models import Cohort, Snapshot
from cases.permissions import Action, require
from cases.snapshot import one_snapshot
from cases.spreadsheets import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portal.accounts.models import User

logger = logging.getLogger(__name__)
# So many rows are written, and told of, at once.
AT_ONCE = 500
# Of the task, for the largest snapshot: asked to stop, and killed.
SOFT_SECONDS, HARD_SECONDS = 1500, 1560
_AT_WORK = Q(state__in=(SnapshotState.QUEUED, SnapshotState.BUILDING))


def ask_for_snapshot(*, by: User, cohort: Cohort) -> Snapshot:
    """Ask for a snapshot of the cohort; a task writes it. One that waits or is being written is not asked for
    twice.
    """
    require(by, Action.EXPORT, cohort)
    with transaction.atomic():
        Cohort.objects.select_for_update().get(pk=cohort.pk)
        if waiting := Snapshot.objects.filter(_AT_WORK, cohort=cohort, created_by=by).first():
            return waiting
        snapshot = Snapshot.objects.create(
            cohort=cohort, created_by=by, filters={"cohort": cohort.name}, rows_expected=expected_rows(cohort)
        )
        audit.record(by=by, action="snapshot.asked", subject=snapshot, cohort=cohort)
    return snapshot


def build_waiting() -> int:
    """Write every snapshot that waits, the oldest first; how many were written."""
    written = 0
    while (snapshot := _take()) is not None:
        try:
            with leases.renewing(snapshot, at_most=HARD_SECONDS):
                written += _build(snapshot)
        except leases.Lost:
            logger.warning("Snapshot %s was taken by another process meanwhile.", snapshot.pk)
    return written


def _take() -> Snapshot | None:
    oldest_first = Snapshot.objects.select_related("cohort").order_by("created_at")
    return leases.take(oldest_first, _AT_WORK, state=SnapshotState.BUILDING, rows_written=0)


def _build(snapshot: Snapshot) -> bool:
    """Write one snapshot that this process has taken; False where it failed, which its row then says."""
    if snapshot.attempts > leases.MAX_ATTEMPTS:
        logger.error("Snapshot %s was left by every process that took it.", snapshot.pk)
        leases.end(snapshot, state=SnapshotState.FAILED)
        return False
    try:
        with _progress_of(snapshot) as tell, one_snapshot():
            as_of = timezone.now()
            written = {table: _write(table, snapshot.cohort, tell) for table in TABLES}
    except Exception:
        logger.exception("Snapshot %s failed.", snapshot.pk)
        leases.end(snapshot, state=SnapshotState.FAILED)
        return False
    counts = {table: n for table, (_name, _sha256, n) in written.items()}
    with transaction.atomic():
        leases.end(
            snapshot,
            state=SnapshotState.READY,
            as_of=as_of,
            files={table: name for table, (name, _sha256, _n) in written.items()},
            counts=counts,
            rows_written=sum(counts.values()),
            digest=digest_of({table: sha256 for table, (_name, sha256, _n) in written.items()}),
        )
        events.tell(HookEvent.SNAPSHOT_READY, cohort_id=snapshot.cohort_id, snapshot=str(snapshot.pk))
    return True


def digest_of(by_table: dict[str, str]) -> str:
    """The name of a snapshot's content: over the digest of each table's lines, in the order of TABLES."""
    lines = [f"schema {SCHEMA_VERSION}", *(f"{table} {by_table[table]}" for table in TABLES)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _write(table: str, cohort: Cohort, tell: Callable[[int], None]) -> tuple[str, str, int]:
    """Write one table; the name it is stored under, the digest of its lines, and how many they are."""
    content, count = hashlib.sha256(), 0
    with tempfile.TemporaryFile() as file:
        with gzip.GzipFile(fileobj=file, mode="wb", mtime=0, compresslevel=6) as packed:
            for rows in batched(rows_of(table, cohort), AT_ONCE):
                lines = "".join(f"{one_line(json.dumps(row, ensure_ascii=False))}\n" for row in rows).encode()
                content.update(lines)
                packed.write(lines)
                count += len(rows)
                tell(len(rows))
        name = storage.store_file("snapshots", cast("IO[bytes]", file), ".ndjson.gz")
    return name, content.hexdigest(), count


@contextmanager
def _progress_of(snapshot: Snapshot) -> Iterator[Callable[[int], None]]:
    """A function that adds to the rows written, on a connection of its own: what reads the rows writes
    nothing.

    Inside a transaction that is open already nobody else would see it, and nothing is told.
    """
    if connection.in_atomic_block:
        yield lambda _rows: None
        return
    aside: Any = connections.create_connection(connection.alias)

    def tell(rows: int) -> None:
        table = Snapshot._meta.db_table
        statement = f"UPDATE {table} SET rows_written = rows_written + %s WHERE id = %s"  # noqa: S608 - our table
        key = snapshot.pk if aside.vendor == "postgresql" else snapshot.pk.hex
        with aside.cursor() as cursor:
            cursor.execute(statement, [rows, key])

    try:
        yield tell
    finally:
        aside.close()
