"""CSV files that people send or leave in a folder: bounded, decoded, and read line by line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t

from cases.input_values import is_storable

MAX_BYTES = 5 * 2**20
MAX_ROWS = 100_000

Row = TypeVar("Row")


def rows_of(data: bytes, names_wrong: Callable[[Sequence[str]], str]) -> Iterator[dict[str, str]]:
    """The lines below the first one, as dictionaries by its names. names_wrong: what is wrong with those,
    in words; empty where nothing is. Raises ValidationError where it is no such file.
    """
    if len(data) > MAX_BYTES:
        raise ValidationError(_t("The file is larger than 5 MB: split it."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError(_t("The file is not UTF-8 text. Save it as CSV (UTF-8).")) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        if said := names_wrong(names):
            raise ValidationError(said)
        reader.fieldnames = names
        yield from reader
    except csv.Error:
        raise ValidationError(
            _t("A line of the file is longer than a cell may be, as where a quotation mark is never closed.")
        ) from None


def said_of_names(names: Sequence[str]) -> str:
    """The names of a first line, to be put into a sentence."""
    return ", ".join(names)[:80] or "–"  # noqa: RUF001 - a dash for nothing


def numbered(rows: Iterable[Row]) -> Iterator[tuple[int, Row]]:
    """The rows with the numbers of their lines, from 2. Raises ValidationError where there are too many."""
    for line, row in enumerate(rows, start=2):
        if line > MAX_ROWS + 1:
            raise ValidationError(_t("The file has more than 100,000 lines: split it."))
        yield line, row


def cells_of(row: dict[str, str], columns: Iterable[str]) -> dict[str, str]:
    """The cells of a row by column, empty where the row has none. Raises ValidationError where it has more
    cells than columns, or what cannot be stored.
    """
    given = {name: (row.get(name) or "").strip() for name in columns}
    if None in row or not is_storable("".join(given.values())):
        raise ValidationError(
            _t("The line has more cells than columns, or characters that cannot be stored.")
        )
    return given


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","
