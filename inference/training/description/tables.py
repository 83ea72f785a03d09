"""The report's tables, as words and formatted figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inference.training.description.collect import MEASURES

_SHOWN = 20
_FIGURES = ("mean", "sd", "min", "median", "max")


@dataclass(frozen=True)
class Table:
    """caption, column heads, and rows whose first cell names the row."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


def counts_table(what: str, counts: Mapping[str, Mapping[str, int]], classes: Sequence[str]) -> Table:
    """Images by a value (its name is `what`) and class; at most the first 20 values."""
    rows = [
        [value, *(f"{each[code]:,}" for code in classes), f"{sum(each.values()):,}"]
        for value, each in list(counts.items())[:_SHOWN]
    ]
    more = f", the {_SHOWN} most frequent of {len(counts):,}" if len(counts) > _SHOWN else ""
    return Table(f"Images by {what} and class{more}", [what, *classes, "all"], rows)


def intensity_tables(summary: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[Table]:
    """One table a measure: a row a class."""
    return [
        Table(
            f"{words.capitalize()} of an image, over the images of a class",
            ["class", *_FIGURES],
            [[code, *(f"{each[name][figure]:.1f}" for figure in _FIGURES)] for code, each in summary.items()],
        )
        for name, words in MEASURES.items()
    ]


def comparison_tables(tests: Mapping[str, Any], unit: str) -> list[Table]:
    """Kruskal-Wallis, and the pairs where there are some. unit: what has one value, an image or a group."""
    overall = [
        [words, *_overall(tests["measures"][name]["kruskal_wallis"])] for name, words in MEASURES.items()
    ]
    pairs = [
        [
            words,
            " and ".join(pair["classes"]),
            _p(pair["p"]),
            _p(pair["p_holm"]),
            f"{pair['rank_biserial']:+.2f}",
        ]
        for name, words in MEASURES.items()
        for pair in tests["measures"][name]["pairs"]
    ]
    tables = [
        Table(
            f"Kruskal-Wallis over classes, one value {unit}",
            ["measure", "H", "p", "epsilon squared"],
            overall,
        )
    ]
    if pairs:
        tables.append(
            Table(
                f"Mann-Whitney of each pair, one value {unit}; Holm's correction over the whole table",
                ["measure", "classes", "p", "p (Holm)", "rank-biserial"],
                pairs,
            )
        )
    return tables


def _overall(test: Mapping[str, float] | None) -> list[str]:
    if test is None:
        return ["nothing to compare", "", ""]
    return [f"{test['h']:,.1f}", _p(test["p"]), f"{test['epsilon_squared']:.3f}"]


def _p(value: float) -> str:
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"
