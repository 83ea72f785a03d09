"""Parquet, where pyarrow is installed: an extra, since it takes 170 MB (`pip install pyarrow`)."""

from __future__ import annotations

import importlib
import importlib.util
import tempfile
from datetime import datetime
from typing import TYPE_CHECKING, Any

from cases.disclaimer import DISCLAIMER
from cases.export.rows import batched
from cases.export.snapshots.tables import SCHEMA_VERSION, Column, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Rows wait for their group as objects: of 5,000 they took 26 MB more.
ROW_GROUP = 1000
PIECE = 2**16


class NotInstalled(Exception):
    """Raised where the portal was installed without pyarrow."""


def is_installed() -> bool:
    """Whether Parquet can be written here."""
    return importlib.util.find_spec("pyarrow") is not None


def stream(
    columns: tuple[Column, ...], rows: Iterable[dict[str, Any]], about: dict[str, str]
) -> Iterator[bytes]:
    """A Parquet file, compressed by zstd, a row group at a time; by way of a file, whose end says where it
    all is.
    """
    if not is_installed():
        raise NotInstalled
    return _pieces(columns, rows, about)


def _pieces(
    columns: tuple[Column, ...], rows: Iterable[dict[str, Any]], about: dict[str, str]
) -> Iterator[bytes]:
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    told = about | {"schema_version": SCHEMA_VERSION, "notice": DISCLAIMER}
    schema = arrow.schema([(c.name, _type(arrow, c.kind)) for c in columns], metadata=told)
    with tempfile.TemporaryFile() as file:
        with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
            for group in batched(rows, ROW_GROUP):
                arrays = [_array(arrow, schema.field(c.name).type, c, group) for c in columns]
                writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
        file.seek(0)
        while piece := file.read(PIECE):
            yield piece


def _type(arrow: Any, kind: Kind) -> Any:
    return {
        Kind.TEXT: arrow.string(),
        Kind.JSON: arrow.string(),
        Kind.CODE: arrow.dictionary(arrow.int32(), arrow.string()),
        Kind.FLAG: arrow.bool_(),
        Kind.WHOLE: arrow.int64(),
        Kind.NUMBER: arrow.float64(),
        Kind.TIME: arrow.timestamp("us", tz="UTC"),
        Kind.MAP: arrow.map_(arrow.string(), arrow.float64()),
    }[kind]


def _array(arrow: Any, wanted: Any, column: Column, group: list[dict[str, Any]]) -> Any:
    values = [row[column.name] for row in group]
    if column.kind is Kind.TIME:
        values = [None if value is None else datetime.fromisoformat(value) for value in values]
    if column.kind is Kind.MAP:
        values = [None if value is None else list(value.items()) for value in values]
    if column.kind is Kind.CODE:
        return arrow.array(values, arrow.string()).dictionary_encode().cast(wanted)
    return arrow.array(values, wanted)
