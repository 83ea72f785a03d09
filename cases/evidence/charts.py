"""Geometry for the pictures that the templates draw, so that a template only writes attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from cases.evidence.figures import DayTally
from cases.evidence.measures.proportions import Share

# Units of the view box of the column chart; the page scales it.
COLUMN_STEP = 40
COLUMN_WIDTH = 26
COLUMN_HEIGHT = 120


@dataclass(frozen=True)
class Column:
    """One column: where it stands, in view box units from the top left, and what it says."""

    x: int
    middle: int
    y: float
    height: float
    day: date
    n: int


@dataclass(frozen=True)
class Cell:
    """One cell of the confusion table; `depth` from 0 (empty) to 4 is its share of the row."""

    n: int
    depth: int
    agrees: bool
    read_label: str


@dataclass(frozen=True)
class ConfusionRow:
    """What readers made of one class of the network."""

    code: str
    label: str
    cells: tuple[Cell, ...]
    total: int


@dataclass(frozen=True)
class Range:
    """A share and its interval in percent, as positions on a scale of 0 to 100."""

    low: float
    high: float
    width: float
    value: float


def columns(days: Sequence[DayTally]) -> list[Column]:
    """One column a day; the highest fills the chart."""
    highest = max((tally.n for tally in days), default=0) or 1
    drawn = []
    for index, tally in enumerate(days):
        height = COLUMN_HEIGHT * tally.n / highest
        x = index * COLUMN_STEP + (COLUMN_STEP - COLUMN_WIDTH) // 2
        drawn.append(Column(x, x + COLUMN_WIDTH // 2, COLUMN_HEIGHT - height, height, tally.day, tally.n))
    return drawn


def confusion_rows(counts: Mapping[tuple[str, str], int], labels: Mapping[str, str]) -> list[ConfusionRow]:
    """A square table: one row a class of the network, one column a class of the reader."""
    seen = {code for pair in counts for code in pair}
    codes = [*labels, *sorted(seen - set(labels))]
    rows = []
    for predicted in codes:
        numbers = [counts.get((predicted, read), 0) for read in codes]
        total = sum(numbers)
        cells = tuple(
            Cell(n, _depth(n, total), predicted == read, labels.get(read, read))
            for read, n in zip(codes, numbers, strict=True)
        )
        rows.append(ConfusionRow(predicted, labels.get(predicted, predicted), cells, total))
    return rows


def _depth(n: int, total: int) -> int:
    """0 where nothing is, else 1 to 4 by quarters of the row."""
    return 0 if n == 0 else min(4, 1 + int(4 * n / total))


def interval(share: Share) -> Range | None:
    """Where the share and its interval lie; None where nothing was counted."""
    if share.value is None or share.low is None or share.high is None:
        return None
    low, high = 100 * share.low, 100 * share.high
    return Range(low, high, high - low, 100 * share.value)
