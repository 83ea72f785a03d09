"""A snapshot as one FHIR Bundle, R4B or R5, as a stream: the same rows as its tables, as resources.

Made as plain JSON, without a library; the tests check it by `fhir.resources` and read every row back. What
names a resource is made of the row, so that the same case has the same ids in each snapshot.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from cases.disclaimer import DISCLAIMER
from cases.export.snapshots import fhir_resources as make
from cases.export.snapshots.fhir_resources import Release
from cases.spreadsheets import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cases.models import Snapshot

    Rows = Iterable[dict[str, Any]]

MEDIA_TYPE = "application/fhir+json"


def stream(snapshot: Snapshot, release: Release, rows: Callable[[str], Rows]) -> Iterator[bytes]:
    """The Bundle; rows: those of a table, asked for more than once."""
    head = {
        "resourceType": "Bundle",
        "type": "collection",
        "meta": {"tag": [{"system": make.code_system("notice"), "code": "research", "display": DISCLAIMER}]},
        "identifier": {"system": f"{make.SYSTEM}/snapshot", "value": str(snapshot.pk)},
        "timestamp": snapshot.as_of.isoformat() if snapshot.as_of else None,
    }
    yield json.dumps(head, ensure_ascii=False).removesuffix("}").encode() + b', "entry": ['
    between = b"\n"
    for resource in _resources(release, rows):
        entry = {"fullUrl": f"urn:uuid:{resource['id']}", "resource": resource}
        yield between + one_line(json.dumps(entry, ensure_ascii=False)).encode()
        between = b",\n"
    yield b"\n]}\n"


def _resources(release: Release, rows: Callable[[str], Rows]) -> Iterator[dict[str, Any]]:
    simulated: set[str] = set()
    with closing(sqlite3.connect("")) as index:  # on the disk, and gone with the connection
        index.execute("CREATE TABLE said (kase, id, reader, kind, counts, class, at)")
        index.execute("CREATE INDEX of_case ON said (kase)")
        for row in rows("cases"):
            if row["simulated"]:
                simulated.add(row["case"])
            yield from make.of_case(row, release)
        yield from _results(release, rows("results"), index, simulated)
        yield from _statements(rows("statements"), index, simulated)
        for row in rows("cases"):
            yield make.report(row, _said_of(index, row["case"]), release)
        for row in rows("figures"):
            yield make.figure(row)


def _results(
    release: Release, rows: Rows, index: sqlite3.Connection, simulated: set[str]
) -> Iterator[dict[str, Any]]:
    devices: set[str] = set()
    for row in rows:
        if row["model_version"] not in devices:
            devices.add(row["model_version"])
            yield make.device(row["model_version"], release)
        observation = make.result(row, is_simulated=row["case"] in simulated)
        _keep(index, row["case"], observation["id"], "network", row)
        yield observation
        yield make.assembled(row, observation)


def _statements(rows: Rows, index: sqlite3.Connection, simulated: set[str]) -> Iterator[dict[str, Any]]:
    readers: set[str] = set()
    for row in rows:
        if row["reader"] not in readers:
            readers.add(row["reader"])
            yield make.practitioner(row["reader"])
        first = _first_read(index, row)
        observation = make.statement(row, first, is_simulated=row["case"] in simulated)
        _keep(index, row["case"], row["statement"], row["kind"], row)
        yield observation
        yield make.stated(row, observation)


def _keep(index: sqlite3.Connection, case: str, key: str, kind: str, row: dict[str, Any]) -> None:
    said = (case, key, row.get("reader"), kind, row.get("counts"), row.get("class"), row["at"])
    index.execute("INSERT INTO said VALUES (?, ?, ?, ?, ?, ?, ?)", said)


def _first_read(index: sqlite3.Connection, row: dict[str, Any]) -> str | None:
    """The id of what the same reader had committed of the case; first reads stand before all others."""
    if row["kind"] == "first":
        return None
    asked = "SELECT id FROM said WHERE kase = ? AND reader = ? AND kind = 'first'"
    found = index.execute(asked, (row["case"], row["reader"])).fetchone()
    return found[0] if found else None


def _said_of(index: sqlite3.Connection, case: str) -> list[make.Said]:
    asked = "SELECT id, reader, kind, counts, class, at FROM said WHERE kase = ? ORDER BY rowid"
    return [make.Said(*row) for row in index.execute(asked, (case,))]
