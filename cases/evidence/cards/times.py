"""How long a read takes, reader by reader."""

from __future__ import annotations

from statistics import median, quantiles
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _t

from cases.evidence import words
from cases.evidence.cards.card import Card, Cell, Links, Table
from cases.evidence.drawing import WIDTH, Drawing, Mark, at, bar, diamond, line, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from cases.evidence.study import Study

ROW = 36


def card(study: Study, links: Links) -> Card:
    """Median and quartiles by reader."""
    title = _t("Time a read")
    by_reader: dict[UUID, list[float]] = {reader: [] for reader in study.readers}
    for read in study.reads:
        if read.seconds is not None:
            by_reader[read.reader].append(read.seconds)
    rows = [(reader, _quartiles(seconds), len(seconds)) for reader, seconds in by_reader.items() if seconds]
    if not rows:
        return Card("times", title, _t("No reading time was measured yet."))
    everything = [second for seconds in by_reader.values() for second in seconds]
    told = _t("Median %(median)s seconds, over %(n)d reads.")
    heads = [
        ("reader", _t("Reader")),
        ("n", _t("Reads")),
        ("lower_quartile", _t("Lower quartile, s")),
        ("median", _t("Median, s")),
        ("upper_quartile", _t("Upper quartile, s")),
    ]
    table = [
        [
            Cell(study.readers[reader], link=links.cases(reader=reader)),
            Cell(str(n), n),
            *(Cell(words.number(value, 1), value) for value in quarters),
        ]
        for reader, quarters, n in rows
    ]
    return Card(
        "times",
        title,
        told % {"median": words.number(median(everything), 1), "n": len(everything)},
        drawing=_drawing(study, title, rows),
        table=Table(heads, table),
        notes=[_t("With the page in sight and the reader active; before the reveal, where there was one.")],
    )


def _quartiles(seconds: list[float]) -> tuple[float, float, float]:
    if len(seconds) == 1:
        return seconds[0], seconds[0], seconds[0]
    low, middle, high = quantiles(seconds, n=4, method="inclusive")
    return low, middle, high


def _end_of_scale(longest: float) -> float:
    """A number of seconds that four steps divide evenly, at or behind the longest."""
    steps: Iterator[float] = (factor * 10.0**power for power in range(9) for factor in (1, 2, 5))
    return next(4.0 * step for step in steps if 4 * step >= longest)


def _drawing(study: Study, title: str, rows: list[tuple[UUID, tuple[float, float, float], int]]) -> Drawing:
    longest = _end_of_scale(max(high for _reader, (_low, _middle, high), _n in rows))
    bottom = 8 + ROW * len(rows)
    marks: list[Mark] = []
    for part in range(5):
        value = longest * part / 4
        place = at(value, 0, longest)
        marks += [line(place, 6, place, bottom, "grid")]
        marks += [text(place, bottom + 15, f"{value:.0f}", anchor="middle", tone="soft")]
    described = []
    for index, (reader, (low, middle, high), n) in enumerate(rows):
        y = 8 + ROW * index
        told = _t("%(median)s s · %(n)d reads") % {"median": words.number(middle, 1), "n": n}
        left, right = at(low, 0, longest), at(high, 0, longest)
        marks += [
            text(0, y + 10, study.readers[reader]),
            text(WIDTH, y + 10, told, anchor="end", tone="soft"),
        ]
        marks += [
            bar(left, y + 19.5, right - left, 3, "range"),
            diamond(at(middle, 0, longest), y + 21, "lit"),
        ]
        described.append(f"{study.readers[reader]}: {told}")
    marks.append(text(WIDTH / 2, bottom + 32, _t("seconds"), anchor="middle", tone="soft"))
    return Drawing(title, "; ".join(described), bottom + 38, marks)
