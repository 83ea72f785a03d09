"""The frozen rows of a snapshot, read back a line at a time; what they show is written down before they
leave.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from cases import disclosures, storage
from cases.export.rows import batched
from cases.lifecycle import Shown
from cases.models import Case

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from cases.models import Snapshot
    from portal.accounts.models import User

CHUNK = 500
# What the rows of a table tell of their cases.
TOLD = {
    "cases": (Shown.TRUTH,),
    "results": (Shown.NETWORK,),
    "statements": (Shown.NETWORK, Shown.PEERS),
    "figures": (),
}


def deleted_since(snapshot: Snapshot) -> list[tuple[str, datetime]]:
    """The code of each case of the snapshot that was deleted after it was frozen, and when: its rows stay as
    they are, which the digest names.
    """
    if snapshot.as_of is None:
        return []
    held = Case.objects.filter(cohort=snapshot.cohort_id, created_at__lte=snapshot.as_of)
    gone = held.filter(deleted_at__gt=snapshot.as_of).order_by("deleted_at", "code")
    return [(code, at) for code, at in gone.values_list("code", "deleted_at") if at]


def with_deletions(snapshots: QuerySet[Snapshot]) -> QuerySet[Snapshot]:
    """Each with `deleted_n`, of how many of its cases `deleted_since` tells."""
    held = Case.objects.filter(cohort=OuterRef("cohort"), created_at__lte=OuterRef("as_of"))
    gone = held.filter(deleted_at__gt=OuterRef("as_of")).order_by().values("cohort")
    count = Subquery(gone.annotate(n=Count("pk")).values("n"))
    return snapshots.annotate(deleted_n=Coalesce(count, 0))


def frozen_rows(snapshot: Snapshot, table: str) -> Iterator[dict[str, Any]]:
    """The rows of one table as they were written."""
    with (
        storage.open_stored(snapshot.files[table]) as stored,
        gzip.open(stored, "rt", encoding="utf-8") as lines,
    ):
        # Not by str.splitlines: JSON ends its lines with \n alone.
        for line in lines:
            yield json.loads(line)


def rows_for(snapshot: Snapshot, table: str, *, to: User) -> Iterator[dict[str, Any]]:
    """The rows of one table; before each chunk leaves, what it shows is written down (docs/adr/0012)."""
    for chunk in batched(frozen_rows(snapshot, table), CHUNK):
        if TOLD[table]:
            _write_down(chunk, table, to)
        yield from chunk


def _write_down(chunk: list[dict[str, Any]], table: str, to: User) -> None:
    codes = {row["case"] for row in chunk if table != "cases" or row["known_class"]}
    cases = Case.objects.filter(code__in=codes).values_list("pk", flat=True)
    disclosures.record(to=to, cases=set(cases), kinds=TOLD[table])
