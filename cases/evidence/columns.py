"""Rows by the hundred thousand in little memory: a column each, of which a row is made when it is asked for.

A row as an object of Python takes some 400 bytes, here about 60 and its case's code.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, overload

Row = TypeVar("Row", bound=NamedTuple)


class Column(Protocol):
    """The values of one field, in the order of the rows."""

    def append(self, value: Any) -> None:
        """Take the value of the next row."""

    def __iter__(self) -> Iterator[Any]: ...

    def __getitem__(self, place: int) -> Any: ...


class Vocabulary(dict[Any, int]):
    """The place of each different value: of 100,000 rows most repeat a class, a reader or a version. Rows may
    share one, as reads and results do the codes of their cases.
    """

    def __init__(self) -> None:
        super().__init__()
        self.values_by_place: list[Any] = []

    def __missing__(self, value: Any) -> int:
        place = self[value] = len(self.values_by_place)
        self.values_by_place.append(value)
        return place


class Words:
    """Values of which many are equal."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary, self._values = vocabulary, vocabulary.values_by_place
        self._places = array("i")

    def append(self, value: Any) -> None:
        self._places.append(self._vocabulary[value])

    def __iter__(self) -> Iterator[Any]:
        return map(self._values.__getitem__, self._places)

    def __getitem__(self, place: int) -> Any:
        return self._values[self._places[place]]


class Numbers:
    """Floats, of which some may be None."""

    def __init__(self) -> None:
        self._values = array("d")

    def append(self, value: float | None) -> None:
        self._values.append(float("nan") if value is None else value)

    def __iter__(self) -> Iterator[float | None]:
        return (None if value != value else value for value in self._values)  # noqa: PLR0124 - not a number

    def __getitem__(self, place: int) -> float | None:
        value = self._values[place]
        return None if value != value else value  # noqa: PLR0124 - not a number


class Moments:
    """Moments, to the microsecond."""

    def __init__(self) -> None:
        self._values = array("d")

    def append(self, value: datetime) -> None:
        self._values.append(value.timestamp())

    def __iter__(self) -> Iterator[datetime]:
        return map(_moment, self._values)

    def __getitem__(self, place: int) -> datetime:
        return _moment(self._values[place])


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class Rows(Sequence[Row], Generic[Row]):
    """Rows of one NamedTuple. numbers, moments: which of its fields hold such; the others hold words."""

    def __init__(
        self,
        make: type[Row],
        vocabulary: Vocabulary,
        *,
        numbers: Iterable[str] = (),
        moments: Iterable[str] = (),
    ) -> None:
        kinds: dict[str, Column] = {name: Numbers() for name in numbers}
        kinds |= {name: Moments() for name in moments}
        self._make = make._make
        self._columns = [kinds.get(name) or Words(vocabulary) for name in make._fields]
        self._takers = [column.append for column in self._columns]
        self._length = 0

    def append(self, row: Row) -> None:
        """Take one row more."""
        for take, value in zip(self._takers, row, strict=True):
            take(value)
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Row]:
        return map(self._make, zip(*self._columns, strict=True))

    @overload
    def __getitem__(self, place: int) -> Row: ...

    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...

    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[index] for index in range(*place.indices(self._length))]
        return self._make(column[place] for column in self._columns)
