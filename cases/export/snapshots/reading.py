"""The frozen rows of a snapshot, read back a line at a time; what they show is written down before they
leave.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from cases import disclosures, storage
from cases.export.rows import batched
from cases.lifecycle import Shown
from cases.models import Case

if TYPE_CHECKING:
    from collections.abc import Iterator

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
