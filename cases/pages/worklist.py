"""The worklist, the live state of its rows, and the way to the next case."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cases import selectors, waiting
from cases.lifecycle import CaseState
from cases.pages.access import PageRequest, case_or_404, not_ahead, signed_in
from cases.pages.forms import WorklistForm
from cases.pages.rows import rows_by_code, rows_of
from cases.services import drafts

PAGE_SIZE = 50


@never_cache
@require_safe
@signed_in
def worklist(request: PageRequest) -> HttpResponse:
    """The user's cases, newest first, narrowed by the query string."""
    drafts.finalise_of(by=request.user)
    form = WorklistForm(request.GET, user=request.user)
    narrowed = form.narrowed()
    # Keys first: a database that sorts 100,000 cases would work out the analysis of each on the way.
    keys = selectors.worklist(request.user, narrowed).values_list("pk", flat=True)
    page = Paginator(keys, PAGE_SIZE).get_page(request.GET.get("page"))
    counts = selectors.state_counts(request.user, narrowed.cohort)
    rows = rows_of(request.user, selectors.analysed(request.user, list(page)))
    context = {
        "form": form,
        "page": page,
        "rows": rows,
        "has_pending": any(row.is_pending for row in rows),
        "is_narrowed": narrowed != selectors.WorklistFilter(),
        "counts": [(state, state.label, counts[state]) for state in CaseState],
        "total": sum(counts.values()),
        "chosen_state": narrowed.state,
        "disputed": selectors.awaiting_adjudication(request.user).count(),
        "awaiting": waiting.number_waiting(request.user),
    }
    return render(request, "cases/worklist.html", context)


@never_cache
@require_safe
@signed_in
def states(request: PageRequest) -> HttpResponse:
    """The newest state of the pending rows of a page (`?c=CODE&c=CODE`), as parts to swap in."""
    rows = rows_by_code(request.user, request.GET.getlist("c"))
    context = {"rows": rows, "has_pending": any(row.is_pending for row in rows)}
    return render(request, "cases/parts/states.html", context)


@never_cache
@require_safe
@signed_in
@not_ahead
def next_case(request: PageRequest) -> HttpResponse:
    """On to the case that waits longest for this reader, behind `?after=CODE` if given."""
    if request.method != "HEAD":
        drafts.finalise_of(by=request.user)
    code = request.GET.get("after", "")
    after = case_or_404(request, code) if code else None
    if case := waiting.next_case(request.user, after):
        return redirect("cases:case", code=case.code)
    messages.info(request, _t("No other case waits for your reading. New ones appear here once analysed."))
    return redirect("cases:worklist")
