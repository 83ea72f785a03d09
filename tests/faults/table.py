"""What came of each fault, as a line of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

AIM_SECONDS = 15.0
HEADS = ("fault", "cases in", "results", "in words", "tried again", "lost", "doubled", "seconds", "aim")


@dataclass(frozen=True)
class Row:
    """in_words: cases that ended without a result, as they should, with a reason. tried_again: analyses that
    took more than one attempt. seconds: until the portal did all its work again. wrong: what else is not as
    it should be, in words.
    """

    fault: str
    cases_in: int
    results: int
    in_words: int
    tried_again: int
    lost: int
    doubled: int
    seconds: float
    aim: float = AIM_SECONDS
    wrong: str = ""

    @property
    def is_well(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.seconds > self.aim)

    @property
    def summary(self) -> str:
        """The row in words."""
        return (
            f"{self.cases_in} cases in, {self.results} results, {self.lost} lost, {self.doubled} doubled, "
            f"{self.seconds:.1f} s"
        )

    def cells(self) -> tuple[str, ...]:
        counts = (self.cases_in, self.results, self.in_words, self.tried_again, self.lost, self.doubled)
        return (self.fault, *map(str, counts), f"{self.seconds:.1f}", f"{self.aim:.0f}")


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, which is a table in a terminal as well; below it what is not as it should be."""
    cells = [HEADS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = [_line(line, widths) for line in cells]
    lines.insert(1, _rule(widths))
    return "\n".join([*lines, *(_wrong(row) for row in rows if not row.is_well)])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    numbers = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
    return f"| {' | '.join([first.ljust(widths[0]), *numbers])} |"


def _rule(widths: Sequence[int]) -> str:
    first, *rest = widths
    return f"| {' | '.join(['-' * first, *('-' * (width - 1) + ':' for width in rest)])} |"


def _wrong(row: Row) -> str:
    reasons = [f"{row.lost} lost"] * bool(row.lost) + [f"{row.doubled} doubled"] * bool(row.doubled)
    if row.seconds > row.aim:
        reasons.append(f"{row.seconds:.1f} s, which is over its aim of {row.aim:.0f} s")
    return f"NOT WELL: {row.fault}: {'; '.join([*reasons, *([row.wrong] if row.wrong else [])])}"
