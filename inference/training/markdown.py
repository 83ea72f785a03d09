"""Figures as text, and tables of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Cell = str


def table(heading: Sequence[str], lines: Iterable[Sequence[Cell]], *, text_columns: int = 1) -> str:
    """Return a Markdown table. text_columns: how many columns from the left hold words, not figures."""
    rule = ["---" if column < text_columns else "---:" for column in range(len(heading))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, rule, *lines))


def number(value: float | None, *, signed: bool = False) -> Cell:
    """Return three decimals of a float, a whole number as it is, a dash for nothing."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def around(value: float | None, interval: Sequence[float] | None, *, signed: bool = False) -> Cell:
    """Return `0.970 (0.951 to 0.983)`, without the brackets where there is no interval."""
    if value is None or interval is None:
        return number(value, signed=signed)
    low, high = (number(float(end), signed=signed) for end in interval)
    return f"{number(float(value), signed=signed)} ({low} to {high})"


def figure(figures: Mapping[str, Any], name: str) -> Cell:
    """Return a figure of a report with what `interval` says of it, where it says something."""
    value: float | None = figures.get(name)
    return around(value, figures.get("interval", {}).get(name))


def mean(figures: Mapping[str, Any] | None, name: str = "mean", *, signed: bool = False) -> Cell:
    """Return what `means.mean_of` gave: a mean, or another name for it, with its own interval."""
    if figures is None:
        return "-"
    interval = figures.get("interval")
    return around(figures.get(name), interval, signed=signed)


def words(name: str) -> str:
    """Return a key as words: `batch_size` as `Batch size`."""
    return name.replace("_", " ").strip().capitalize()
