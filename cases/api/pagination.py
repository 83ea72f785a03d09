"""Pages by key: each begins behind the last row of the one before.

REST framework's CursorPagination counts rows of equal `created_at` by offset, which
loses or doubles some of them when more come in; the pair (created_at, id) is unique.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext as _t
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True)
class Cursor:
    """A place between two rows: behind the row (created_at, id), or before it."""

    forward: bool
    created_at: datetime
    id: UUID

    def encode(self) -> str:
        """The opaque text that stands in a page's address."""
        text = f"{'f' if self.forward else 'b'}|{self.created_at.astimezone(UTC).isoformat()}|{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """The cursor of a page's address; ValidationError for one that we did not make."""
    try:
        padded = text + "=" * (-len(text) % 4)
        direction, created_at, row_id = base64.urlsafe_b64decode(padded).decode().split("|")
        moment = datetime.fromisoformat(created_at)
        cursor: Cursor | None = Cursor(direction == "f", moment.astimezone(UTC), UUID(row_id))
    except (ValueError, OverflowError):
        cursor = None
    if cursor is None or cursor.encode() != text:
        message = _t("Use the addresses under “next” and “previous” as they are. Received: “%(received)s”.")
        raise ValidationError({"cursor": [message % {"received": text[:80]}]})
    return cursor


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows, and the addresses of the pages beside them; None where there is none."""

    rows: list[Row]
    next: str | None
    previous: str | None

    def body(self, results: list[Any]) -> dict[str, Any]:
        """The members that every paged answer has."""
        return {"next": self.next, "previous": self.previous, "results": results}


def page_of(
    rows: QuerySet[Row], request: Request, *, cursor: str = "", size: int = PAGE_SIZE, newest_first: bool
) -> Page[Row]:
    """One page of `rows`, which have `created_at` and a UUID `id`; they are ordered here."""
    place = decode(cursor) if cursor else None
    forward = place.forward if place else True
    rising = forward != newest_first
    order = ("created_at", "id") if rising else ("-created_at", "-id")
    found = list(_beyond(rows, place, rising).order_by(*order)[: size + 1])
    more, kept = len(found) > size, found[:size]
    if not forward:
        kept.reverse()
    has_next, has_previous = (more, place is not None) if forward else (True, more)
    address = request.build_absolute_uri()
    return Page(
        kept,
        next=_address(address, kept[-1:], forward=True) if has_next else None,
        previous=_address(address, kept[:1], forward=False) if has_previous else None,
    )


def _beyond(rows: QuerySet[Row], place: Cursor | None, rising: bool) -> QuerySet[Row]:
    """The rows on the far side of `place`, worded so that an index on the pair serves."""
    if place is None:
        return rows
    way = "gt" if rising else "lt"
    further = Q(**{f"created_at__{way}": place.created_at}) | Q(**{f"id__{way}": place.id})
    return rows.filter(further, **{f"created_at__{way}e": place.created_at})


def _address(address: str, edge: list[Any], *, forward: bool) -> str:
    """The address of the page beyond the row at this edge; the first page, where there is no row."""
    if not edge:
        return remove_query_param(address, "cursor")
    cursor = Cursor(forward, edge[0].created_at, edge[0].id)
    return replace_query_param(address, "cursor", cursor.encode())
