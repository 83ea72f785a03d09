"""The worklist, the live state of its rows, and the way to the next case."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from cases import disclosures
from cases.access import PageRequest, case_or_404, signed_in
from cases.analysis import jobs, results
from cases.classes import known_classes
from cases.cohorts import cohorts_of
from cases.lifecycle import CaseState, IllegalTransition, Shown
from cases.permissions import Action
from cases.worklist.bulk_pages import OFFERS
from cases.worklist.columns import column_choices, headings, hidden_columns
from cases.worklist.counts import Count
from cases.worklist.filters import WorklistFilter
from cases.worklist.forms import WorklistForm
from cases.worklist.keys import WORKLIST_KEYS
from cases.worklist.listing import as_rows, worklist_counts
from cases.worklist.rows import Row, rows_by_code, rows_of
from cases.worklist.saved_views import saved_views_of
from cases.worklist.sorting import page_of, place_of

if TYPE_CHECKING:
    from cases.cohorts import CohortRights
    from cases.worklist.keyset import Page
    from cases.worklist.listing import AnalysedCase
    from portal.accounts.models import User

PAGE_SIZE = 50
# How often a page asks for the states of its rows: while a worker is at one of them, and otherwise.
PENDING_SECONDS, IDLE_SECONDS = 2, 15


@never_cache
@require_safe
@signed_in
def worklist(request: PageRequest) -> HttpResponse:
    """The user's cases, narrowed and sorted by the query string."""
    user = request.user
    rights, labels = cohorts_of(user), known_classes()
    form = WorklistForm(request.GET, rights=rights, classes=labels)
    filters = form.filters()
    page = _page(request, form, rights)
    rows = rows_of(user, page.rows, rights, labels)
    _write_down(user, filters, rows)
    counts = worklist_counts(user, filters)
    may_manage = any(row.may_manage for row in rows)
    context = {
        "form": form,
        "page": page,
        "first_code": page.rows[0].code if page.rows else "",
        "last_code": page.rows[-1].code if page.rows else "",
        "rows": rows,
        "columns": headings(form),
        "column_choices": column_choices(request),
        "hidden_columns": hidden_columns(request),
        "is_filtered": filters != WorklistFilter(),
        "may_manage": may_manage,
        "views": saved_views_of(user),
        "offers": OFFERS.values(),
        "key_acts": WORKLIST_KEYS,
        "idle_keys": _idle_keys(may_read=bool(counts["waiting"]), may_manage=may_manage),
        "kept": QueryDict(form.query).items(),
        **_counted(counts, filters),
        **_live(rows, counts, form.query),
        **_place(request, page),
    }
    return render(request, "worklist/worklist.html", context)


def _write_down(user: User, filters: WorklistFilter, rows: Sequence[Row]) -> None:
    """That a case is left by a filter of what was said tells what was said of it."""
    if filters.said.asks:
        kinds = [Shown.PEERS, Shown.TRUTH] if filters.said.asks_for_truth else [Shown.PEERS]
        disclosures.record(to=user, cases=[row.case.pk for row in rows], kinds=kinds)


def _page(request: PageRequest, form: WorklistForm, rights: Sequence[CohortRights]) -> Page[AnalysedCase]:
    """The page of the list that the address names."""
    user, given = request.user, request.GET
    after, before = given.get("after", "").upper(), given.get("before", "").upper()
    return page_of(
        user,
        form.filters(),
        form.sorted_by,
        place_of(user, form.sorted_by, after=after, before=before),
        PAGE_SIZE,
        cohorts=[held.cohort.pk for held in rights if Action.VIEW in held.actions],
        dressed=functools.partial(as_rows, user),
    )


def _place(request: PageRequest, page: Page[AnalysedCase]) -> dict[str, Any]:
    """Where the page stands in the list, and which cases stand on it: a name for them."""
    codes = " ".join(case.code for case in page.rows)
    return {
        "live_place": {name: request.GET[name] for name in ("after", "before") if request.GET.get(name)},
        "on_page": hashlib.sha256(codes.encode()).hexdigest() if codes else "",
    }


def _idle_keys(*, may_read: bool, may_manage: bool) -> set[str]:
    """The acts of keys that have nothing to do on this page: not listed, but known for when they have."""
    return {name for name, has_use in (("start", may_read), ("tick", may_manage)) if not has_use}


def _counted(counts: dict[str, Count], filters: WorklistFilter) -> dict[str, Any]:
    """What the page says in numbers."""
    total = sum((counts[state.value] for state in CaseState), Count(0))
    return {
        "counts": [(state, state.label, counts[state.value]) for state in CaseState],
        "total": total,
        "fitting": counts[filters.state] if filters.state else total,
        "chosen_state": filters.state,
        "disputed": counts["disputed_mine"],
        "awaiting": counts["waiting"],
    }


def _live(rows: Sequence[Row], counts: dict[str, Count], query: str) -> dict[str, Any]:
    """What the page needs to ask again: for which rows, how often, and what it has seen already."""
    changing = [row for row in rows if row.can_change]
    is_pending = any(row.is_pending for row in changing)
    return {
        "live_codes": [row.case.code for row in changing],
        "live_seconds": PENDING_SECONDS if is_pending else IDLE_SECONDS,
        "live_query": query,
        "seen": _digest(changing, counts),
    }


def _digest(rows: Sequence[Row], counts: dict[str, Count]) -> str:
    """A name for what these rows and numbers show to the user."""
    in_one_order = sorted(rows, key=lambda row: row.case.code)
    shown = [str(row.shown) for row in in_one_order] + [str(tally) for tally in counts.values()]
    return hashlib.sha256("\n".join(shown).encode()).hexdigest()


@never_cache
@require_safe
@signed_in
def live(request: PageRequest) -> HttpResponse:
    """The newest state of rows of the worklist (`?c=CODE&c=CODE`, and its filters) and its numbers, as parts
    to swap in; 204 where they are what the page has `seen`.
    """
    user = request.user
    rights, labels = cohorts_of(user), known_classes()
    form = WorklistForm(request.GET, rights=rights, classes=labels)
    rows = rows_by_code(user, request.GET.getlist("c"), rights, labels)
    filters = form.filters()
    counts = worklist_counts(user, filters)
    if _digest(rows, counts) == request.GET.get("seen"):
        return HttpResponse(status=204)
    # Rows stay under the hand that is about to press one: that others belong there now is said.
    place = _place(request, _page(request, form, rights))
    context = {
        "rows": rows,
        "form": form,
        **_counted(counts, filters),
        **_live(rows, counts, form.query),
        **place,
        "on_page": request.GET.get("on_page", ""),
        "is_outdated": request.GET.get("on_page") != place["on_page"],
        "may_manage": "bulk" in request.GET,
        "list_query": "&".join(filter(None, (form.query, urlencode(place["live_place"])))),
    }
    return render(request, "worklist/parts/live.html", context)


@never_cache
@require_safe
@signed_in
def states(request: PageRequest) -> HttpResponse:
    """The newest state of the pending rows of a page (`?c=CODE&c=CODE`), as parts to swap in."""
    rows = rows_by_code(request.user, request.GET.getlist("c"))
    context = {"rows": rows, "has_pending": any(row.is_pending for row in rows)}
    return render(request, "worklist/parts/states.html", context)


@never_cache
@require_POST
@signed_in
def retry(request: PageRequest, code: str) -> HttpResponse:
    """Queue what failed of the case again; on to the case, or the row's new state for htmx."""
    case = case_or_404(request, code)
    if results.current_job(case) is None:
        raise Http404
    try:
        jobs.retry_case(by=request.user, case=case)
    except IllegalTransition:
        sentence = _t("This analysis needs no other try: its state has changed meanwhile.")
    else:
        sentence = _t("Queued again.")
    if request.htmx:
        rows = rows_by_code(request.user, [case.code])
        if request.POST.get("from") == "worklist":
            # Its page asks by itself, once it is told that there is something to ask for.
            answer = render(request, "worklist/parts/rows.html", {"rows": rows})
            return trigger_client_event(answer, "rows-changed")
        # Begin to ask again, whatever the page did before; it stops by itself.
        context = {"rows": rows, "has_pending": True}
        return render(request, "worklist/parts/states.html", context)
    messages.info(request, sentence)
    return redirect("cases:case", code=case.code)
