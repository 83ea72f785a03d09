"""Pages by key: each begins behind the last row of the one before (cases/worklist/keyset.py).

REST framework's CursorPagination counts rows of equal `created_at` by offset, which
loses or doubles some of them when more come in; the pair (created_at, id) is unique.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeAlias
from uuid import UUID

from django.utils.translation import gettext as _t
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.utils.urls import remove_query_param, replace_query_param

from cases.worklist.keyset import Listed, Page, Place

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000
OF_THE_PAGE = ("cursor", "page_size", "format")

# Reads the page of so many rows at the most that begins at the place.
Read: TypeAlias = Callable[[Place | None, int], Page[Listed]]


def query_of(request: Request) -> str:
    """A short digest of what a list is of: its address and filters, whatever the page and its size."""
    told = sorted((name, value) for name, value in request.query_params.items() if name not in OF_THE_PAGE)
    return hashlib.sha256(repr((request.path, told)).encode()).hexdigest()[:12]


def encode(place: Place, query: str) -> str:
    """The opaque text that stands in a page's address."""
    created_at, row_id = place.values
    text = f"{'b' if place.backwards else 'f'}|{created_at.astimezone(UTC).isoformat()}|{row_id}|{query}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str, query: str) -> Place:
    """The place in a page's address; ValidationError for one that we did not make, or made of other rows."""
    made_of = ""
    try:
        padded = text + "=" * (-len(text) % 4)
        direction, created_at, row_id, made_of = base64.urlsafe_b64decode(padded).decode().split("|")
        moment = datetime.fromisoformat(created_at).astimezone(UTC)
        place: Place | None = Place((moment, UUID(row_id)), backwards=direction != "f")
    except (ValueError, OverflowError):
        place = None
    if place is None or encode(place, made_of) != text:
        message = _t("Use the addresses under “next” and “previous” as they are. Received: “%(received)s”.")
        raise ValidationError({"cursor": [message % {"received": text[:80]}]})
    if made_of != query:
        words = _t("This cursor is of another list, or of other filters. Begin at the first page.")
        raise ValidationError({"cursor": [words]})
    return place


@dataclass(frozen=True)
class LinkedPage(Generic[Listed]):
    """Some rows, and the addresses of the pages beside them; None where there is none."""

    rows: list[Listed]
    next: str | None
    previous: str | None

    def body(self, results: list[Any]) -> dict[str, Any]:
        """The members that every paged answer has."""
        return {"next": self.next, "previous": self.previous, "results": results}


def linked_page(
    read: Read[Listed], request: Request, *, cursor: str, size: int, moment: str = "created_at"
) -> LinkedPage[Listed]:
    """The page that the request asks for. `read` gives rows in the order of their `moment` and id, in either
    direction: a place in an address is made of these two.
    """
    query = query_of(request)
    page = read(decode(cursor, query) if cursor else None, size)
    address = request.build_absolute_uri()
    return LinkedPage(
        page.rows,
        next=_address(address, page.rows[-1:], moment, query, backwards=False) if page.has_next else None,
        previous=_address(address, page.rows[:1], moment, query, backwards=True)
        if page.has_previous
        else None,
    )


def _address(address: str, edge: list[Any], moment: str, query: str, *, backwards: bool) -> str:
    """The address of the page that begins at the row of this edge; the first page, where there is no row."""
    if not edge:
        return remove_query_param(address, "cursor")
    place = Place((getattr(edge[0], moment), edge[0].id), backwards=backwards)
    return replace_query_param(address, "cursor", encode(place, query))


def as_it_is(rows: Any) -> Any:
    """For lists whose rows hold all that is shown of them."""
    return rows
