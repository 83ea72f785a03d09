"""The record's page for study administrators, and its rows as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort
from cases.downloads import named
from cases.record.entries import Filters, Place, all_of, page_of
from cases.record.forms import RecordForm

if TYPE_CHECKING:
    from portal.accounts.models import User

PAGE = 50


@never_cache
@require_safe
@signed_in
def record(request: PageRequest) -> HttpResponse:
    """What was done in a cohort, or who looked at what, the newest first."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    form = RecordForm(request.GET, cohort=cohort)
    context = {"cohorts": managed, "cohort": cohort, "form": form}
    if not form.is_valid():
        return render(request, "record/record.html", context, status=422)
    filters = form.filters()
    entries, after = page_of(filters, _place(request.GET.get("before", "")), PAGE, to=request.user)
    context |= {"filters": filters, "entries": entries, "older": _text(after) if after else ""}
    return render(request, "record/record.html", context)


@never_cache
@require_safe
@signed_in
def record_lines(request: PageRequest) -> HttpResponseBase:
    """All rows that the filters leave, one object a line."""
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    form = RecordForm(request.GET, cohort=cohort)
    if not form.is_valid():
        return render(request, "record/record.html", {"cohort": cohort, "form": form}, status=422)
    filters = form.filters()
    headers = named(f"record-{filters.what}-{cohort.pk}.ndjson")
    return StreamingHttpResponse(
        _lines(filters, request.user), content_type="application/x-ndjson", headers=headers
    )


def _lines(filters: Filters, to: User) -> Iterator[str]:
    for entry in all_of(filters, to=to):
        yield json.dumps(entry.as_dict(), ensure_ascii=False) + "\n"


def _text(place: Place) -> str:
    at, key = place
    return f"{at.astimezone(UTC).isoformat()}_{key}"


def _place(text: str) -> Place | None:
    """The place in a page's address; what we did not make begins anew."""
    at, _, key = text.partition("_")
    try:
        return datetime.fromisoformat(at).astimezone(UTC), UUID(key)
    except (ValueError, OverflowError):
        return None
