"""Reading the first rows of a long list, or those behind a place in it, by walking an index.

A database walks an index in order where the columns before the order's own are held to one value. A list that
spans several cohorts is therefore asked for in parts, one a cohort, and the first rows of the whole are among
the first rows of its parts. What a page costs then depends on its size, not on how many cases there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from django.db.models import BooleanField, Func, Model, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan

from cases.models import Case

Listed = TypeVar("Listed", bound=Model)
# Adds to a query of rows what is shown of each.
Dress: TypeAlias = Callable[[QuerySet[Any]], QuerySet[Listed]]

# The order by age; the id decides between rows of the same moment.
BY_AGE = ("created_at", "id")


@dataclass(frozen=True)
class Place:
    """Where a page begins: behind a row, or before it where it is read backwards.

    values: what the row has in the columns of the order. rank: in which part of the order it stands.
    """

    values: tuple[Any, ...]
    backwards: bool = False
    rank: int = 0


@dataclass(frozen=True)
class Page(Generic[Listed]):
    """Some rows in the order of their list, and whether there are others on either side."""

    rows: list[Listed]
    has_previous: bool
    has_next: bool


class _Row(Func):
    """Several columns as one value, which databases compare from left to right."""

    template = "(%(expressions)s)"
    output_field = BooleanField()  # never selected; a lookup only asks for some type


def after(
    model: type[Model], columns: Sequence[str], values: Sequence[Any], *, descending: bool
) -> GreaterThan | LessThan:
    """The condition on rows of `model` that they come behind `values` in the order of `columns`."""
    fields = {field.name: field for field in model._meta.concrete_fields}
    here = [Value(value, output_field=fields[name]) for name, value in zip(columns, values, strict=True)]
    compared = LessThan if descending else GreaterThan
    return compared(_Row(*columns), _Row(*here))


def ordering(columns: Sequence[str], *, descending: bool) -> list[str]:
    """What `order_by` takes for these columns, all in one direction."""
    return [f"-{name}" if descending else name for name in columns]


def first_rows(parts: Sequence[QuerySet[Case]], number: int) -> QuerySet[Case]:
    """The cases that are among the first `number` of a part; in no order."""
    if not parts:
        return Case.objects.none()
    # SQLite takes no order and no limit within a union: each part goes into a query of its own.
    firsts = [Case.objects.filter(pk__in=part.values("pk")[:number]).order_by() for part in parts]
    if len(firsts) == 1:
        return firsts[0]
    first, *others = (each.values("pk") for each in firsts)
    return Case.objects.filter(pk__in=first.union(*others, all=True)).order_by()


def page_of(
    rows: QuerySet[Listed],
    columns: Sequence[str],
    place: Place | None,
    size: int,
    *,
    descending: bool,
    dressed: Dress[Listed],
) -> Page[Listed]:
    """One page of all `rows`, which are ordered here."""
    if place is not None and place.backwards:
        descending = not descending
    if place is not None:
        rows = rows.filter(after(rows.model, columns, place.values, descending=descending))
    return cut(rows.order_by(*ordering(columns, descending=descending)), place, size, dressed)


def cut(found: QuerySet[Any], place: Place | None, size: int, dressed: Dress[Listed]) -> Page[Listed]:
    """A page of the first `size` rows found, which lead away from `place`.

    Only their keys are looked for in order. What is shown of each is asked for by key: in one query with the
    order, a database may look it up of all rows, and sort them afterwards.
    """
    keys = list(found.values_list("pk", flat=True)[: size + 1])
    has_more = len(keys) > size
    del keys[size:]
    if place is not None and place.backwards:
        return Page(by_keys(found.model, keys[::-1], dressed), has_previous=has_more, has_next=True)
    return Page(by_keys(found.model, keys, dressed), has_previous=place is not None, has_next=has_more)


def by_keys(model: type[Model], keys: Sequence[Any], dressed: Dress[Listed]) -> list[Listed]:
    """The rows of these keys, in their order; without those that are gone meanwhile."""
    if not keys:
        return []
    plain: QuerySet[Any] = model._default_manager.filter(pk__in=keys)  # noqa: SLF001 - Django's own way
    rows = {row.pk: row for row in dressed(plain.order_by())}
    return [rows[key] for key in keys if key in rows]
