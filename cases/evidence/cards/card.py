"""What a card is made of, and how its numbers lead to their cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.http import QueryDict
from django.urls import reverse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases.evidence.drawing import Drawing
    from cases.models import Cohort


@dataclass(frozen=True)
class Cell:
    """What is shown, what a file holds, and where it leads. depth: 1 to 4 colours a share of a row."""

    shown: str
    value: str | float | int | None = None
    link: str = ""
    depth: int = 0
    class_code: str = ""

    @property
    def raw(self) -> str | float | int:
        """What a file holds."""
        return self.shown if self.value is None else self.value


@dataclass(frozen=True)
class Table:
    """columns: names of a file and of the page, in one order. The first cell of a row names it."""

    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""

    @property
    def headings(self) -> list[str]:
        """As the page has them."""
        return [shown for _name, shown in self.columns]


@dataclass(frozen=True)
class Card:
    """name: of the card in addresses and files. sentence: what is found, or why nothing is.

    tells_of: codes of cases of which it shows the known class and the readers, one by one.
    notes: what belongs to the figure: method, n, what makes it low. lists: further tables, always in sight.
    """

    name: str
    title: str
    sentence: str
    drawing: Drawing | None = None
    table: Table | None = None
    notes: Sequence[str] = ()
    lists: Sequence[Table] = field(default_factory=tuple)
    link: tuple[str, str] | None = None
    is_wide: bool = False
    is_tall: bool = False
    tells_of: Sequence[str] = ()


# Stands where a figure is not defined.
DASH = "\N{EN DASH}"
NO_VALUE = Cell(DASH, "")


def number_cell(value: int, link: str = "") -> Cell:
    """A count, which leads to its cases where there are any."""
    return Cell(str(value), value, link if value else "")


@dataclass(frozen=True)
class Links:
    """Addresses of the cases behind the numbers of one cohort."""

    cohort: Cohort

    def cases(self, **filters: Any) -> str:
        """The worklist of the cohort, narrowed to what is not empty."""
        query = QueryDict(mutable=True)
        query["cohort"] = str(self.cohort.pk)
        for name, value in filters.items():
            if value:
                query[name] = str(value)
        return f"{reverse('cases:worklist')}?{query.urlencode()}"

    def drift(self) -> str:
        """The page on which a baseline is frozen and alerts are answered."""
        return f"{reverse('governance:drift')}?cohort={self.cohort.pk}"
