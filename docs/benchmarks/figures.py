"""What the benchmarks find, as one JSON and as one table.

A part of `make bench` is a script of this folder. It prints what it likes, and hands its figures over as
JSON where `--json FILE` names a file. `python -m docs.benchmarks` puts the parts together.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

HEADS = ("what", "figure", "unit", "n", "aim")
# From here on no decimals are worth their room.
WHOLE = 100


@dataclass(frozen=True)
class Figure:
    """One figure: a median of n, or one value where n is 1; a cost, or a ratio of two costs of the same run.

    at_most, at_least: what is aimed at, where there is an aim.
    """

    what: str
    value: float
    unit: str
    n: int = 1
    at_most: float | None = None
    at_least: float | None = None

    @property
    def falls_short(self) -> bool:
        """Whether there is an aim that it misses."""
        above = self.at_most is not None and self.value > self.at_most
        return above or (self.at_least is not None and self.value < self.at_least)

    @property
    def aim(self) -> str:
        """The aim in words; empty where there is none."""
        if self.at_most is not None:
            return f"at most {_number(self.at_most)}"
        return "" if self.at_least is None else f"at least {_number(self.at_least)}"

    def cells(self) -> tuple[str, ...]:
        """The figure as a line of the table."""
        aim = f"{self.aim}: missed" if self.falls_short else self.aim
        return (self.what, _number(self.value), self.unit, str(self.n), aim)


@dataclass(frozen=True)
class Taken:
    """The figures of one part. taken: when, in UTC. cores, load: of the machine, the load when it began.
    cases: the size that was asked for; None where it was the script's own.
    """

    part: str
    title: str
    taken: str
    cores: int
    load: float
    python: str
    figures: tuple[Figure, ...]
    cases: int | None = None

    @property
    def is_busy(self) -> bool:
        """Whether others wanted the same cores."""
        return self.load > self.cores


def take(part: str, title: str, figures: Iterable[Figure], load: float, cases: int | None) -> Taken:
    """Put the figures of a part together with when and where they were taken."""
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    cores, python = os.cpu_count() or 1, platform.python_version()
    return Taken(part, title, now, cores, round(load, 1), python, tuple(figures), cases)


def arguments(doc: str | None) -> argparse.ArgumentParser:
    """The command line of a script, to which it adds its own. From here on SIGTERM ends the script as an
    exception does, so that no server of its own is left behind.
    """
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    parser = argparse.ArgumentParser(description=(doc or "").partition("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="hand the figures over there")
    return parser


def hand_over(figures: Sequence[Figure], path: Path | None) -> None:
    """Print them, and write them where a file is named."""
    print("\n".join(_lines([figure.cells() for figure in figures])), flush=True)
    if path:
        path.write_text(json.dumps([asdict(figure) for figure in figures]), "utf-8")


def handed_over(path: Path) -> list[Figure]:
    """What a script has written."""
    return [Figure(**each) for each in json.loads(path.read_text("utf-8"))]


def write(parts: Sequence[Taken], path: Path) -> None:
    """Keep the parts as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"parts": [asdict(part) for part in parts]}
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")


def read(path: Path) -> list[Taken]:
    """The parts that were kept; none where there is no such file."""
    if not path.exists():
        return []
    return [_taken(part) for part in json.loads(path.read_text("utf-8"))["parts"]]


def _taken(part: dict[str, Any]) -> Taken:
    return Taken(**part | {"figures": tuple(Figure(**figure) for figure in part["figures"])})


def table(parts: Sequence[Taken]) -> str:
    """The parts as Markdown, which is a table in a terminal as well; below it what falls short of its aim."""
    chapters = [f"### {part.title}\n\n{_circumstances(part)}\n\n{_rows(part)}" for part in parts]
    missed = [
        f"- {part.part}: {_missed(figure)}" for part in parts for figure in part.figures if figure.falls_short
    ]
    if missed:
        chapters.append("### What falls short of its aim\n\n" + "\n".join(missed))
    return "\n\n".join(chapters)


def _circumstances(part: Taken) -> str:
    others = "; others wanted them at the same time" if part.is_busy else ""
    size = f" CASES={part.cases}" if part.cases else ""
    return (
        f"`make bench ONLY={part.part}{size}`, {part.taken} UTC, Python {part.python}, "
        f"load {part.load:.1f} on {part.cores} cores{others}."
    )


def _missed(figure: Figure) -> str:
    return f"{figure.what}: {_number(figure.value)} {figure.unit}, {figure.aim} is aimed at".replace(
        "  ", " "
    )


def _rows(part: Taken) -> str:
    heads, *lines = _lines([HEADS, *(figure.cells() for figure in part.figures)])
    rule = "| --- | ---: | --- | ---: | --- |"
    return "\n".join([heads, rule, *lines])


def _lines(cells: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    return [f"| {' | '.join(_filled(line, widths))} |" for line in cells]


def _filled(line: Sequence[str], widths: Sequence[int]) -> list[str]:
    """The cells as wide as their columns, those of numbers to the right."""
    numbers = (HEADS.index("figure"), HEADS.index("n"))
    return [
        cell.rjust(width) if column in numbers else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths, strict=True))
    ]


def _number(value: float) -> str:
    """Two decimals of what is small, none of what is large."""
    if value == int(value) or abs(value) >= WHOLE:
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) < 10 else f"{value:.1f}"  # noqa: PLR2004 - ten is ten
