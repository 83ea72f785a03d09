"""A table of a snapshot in each format, as a stream of bytes in bounded memory."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from cases.export.snapshots import parquet
from cases.export.snapshots.tables import TABLES, Column
from cases.spreadsheets import one_line, safe_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from cases.models import Snapshot

    Rows = Iterable[dict[str, Any]]

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "ndjson": "application/x-ndjson",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


def about(snapshot: Snapshot) -> dict[str, str]:
    """What a file says of itself."""
    return {
        "snapshot": str(snapshot.pk),
        "as_of": snapshot.as_of.isoformat() if snapshot.as_of else "",
        "filters": json.dumps(snapshot.filters, ensure_ascii=False),
        "digest": snapshot.digest,
    }


def stream(name: str, snapshot: Snapshot, table: str, rows: Rows) -> Iterator[bytes]:
    """The rows in the format of this name. Raises parquet.NotInstalled before the first byte."""
    makers: dict[str, Callable[[Snapshot, tuple[Column, ...], Rows], Iterator[bytes]]] = {
        "csv": _csv,
        "ndjson": _ndjson,
        "json": _json,
        "parquet": _parquet,
    }
    return makers[name](snapshot, TABLES[table], rows)


def _csv(snapshot: Snapshot, columns: tuple[Column, ...], rows: Rows) -> Iterator[bytes]:
    """RFC 4180, one line a row; cells as cases/spreadsheets.py makes them."""
    page = io.StringIO()
    writer = csv.writer(page)
    writer.writerow([column.name for column in columns])
    for row in rows:
        writer.writerow([safe_cell(row[column.name]) for column in columns])
        if page.tell() > 2**16:
            yield page.getvalue().encode()
            page.seek(0)
            page.truncate()
    yield page.getvalue().encode()


def _ndjson(snapshot: Snapshot, columns: tuple[Column, ...], rows: Rows) -> Iterator[bytes]:
    for row in rows:
        yield one_line(json.dumps(row, ensure_ascii=False)).encode() + b"\n"


def _json(snapshot: Snapshot, columns: tuple[Column, ...], rows: Rows) -> Iterator[bytes]:
    """One object: what the file says of itself, and its rows."""
    head = json.dumps(about(snapshot), ensure_ascii=False)
    yield head.removesuffix("}").encode() + b', "rows": ['
    between = b"\n"
    for row in rows:
        yield between + json.dumps(row, ensure_ascii=False).encode()
        between = b",\n"
    yield b"\n]}\n"


def _parquet(snapshot: Snapshot, columns: tuple[Column, ...], rows: Rows) -> Iterator[bytes]:
    return parquet.stream(columns, rows, about(snapshot))
