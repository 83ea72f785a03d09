"""The evidence page of a cohort, for its study administrators: what was reviewed, and what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cases import disclosures
from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort
from cases.evidence.cards.all import CARDS
from cases.evidence.evidence_forms import EvidenceForm, OpenEarlyForm
from cases.evidence.figures import alerts_open
from cases.evidence.files import drawing_file, table_file
from cases.evidence.page import evidence_of, one_card
from cases.interim import figures_are_closed, open_early, opening_of
from cases.lifecycle import CaseState, Shown
from cases.models import Case
from cases.snapshot import one_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases.evidence.cards.card import Card
    from cases.models import Cohort


@never_cache
@require_safe
@signed_in
def evidence(request: PageRequest) -> HttpResponse:
    """The figures; of a running blinded study its progress, and a form that opens them."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    context: dict[str, Any] = {"cohorts": managed, "cohort": cohort, "alerts_open": alerts_open(cohort)}
    if figures_are_closed(cohort):
        return render(
            request, "evidence/closed.html", context | _progress(cohort) | {"form": OpenEarlyForm()}
        )
    form = EvidenceForm(request.GET, cohort=cohort)
    context |= {"form": form, "opening": opening_of(cohort), "query": _query(request)}
    if not form.is_valid():
        return render(request, "evidence/evidence.html", context | {"found": None}, status=422)
    with one_snapshot():
        found = evidence_of(cohort, form.filters())
    _write_down(request, found.cards)
    return render(request, "evidence/evidence.html", context | {"found": found})


def _write_down(request: PageRequest, cards: Iterable[Card]) -> None:
    """Cases that a card shows one by one with what was said of them (cases/disclosures.py)."""
    codes = {code for card in cards for code in card.tells_of}
    cases = set(Case.objects.filter(code__in=codes).values_list("pk", flat=True)) if codes else set()
    disclosures.record(to=request.user, cases=cases, kinds=[Shown.TRUTH, Shown.PEERS])


def _query(request: PageRequest) -> str:
    return request.GET.urlencode()


def _progress(cohort: Cohort) -> dict[str, Any]:
    cases = cohort.cases
    over = cases.filter(state__in=(CaseState.REVIEWED, CaseState.CLOSED)).count()
    return {"over": over, "case_count": cases.count()}


@never_cache
@require_POST
@signed_in
def open_figures(request: PageRequest) -> HttpResponse:
    """Open the figures of a running blinded study, with a reason that the audit keeps."""
    managed, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    form = OpenEarlyForm(request.POST)
    if form.is_valid():
        try:
            open_early(by=request.user, cohort=cohort, reason=form.cleaned_data["reason"])
        except ValidationError as error:
            messages.warning(request, " ".join(error.messages))
        else:
            messages.success(request, _t("The figures are open. The audit keeps who opened them, and why."))
        return redirect(f"{reverse('dashboard:evidence')}?cohort={cohort.pk}")
    told = {"cohorts": managed, "cohort": cohort, "alerts_open": alerts_open(cohort)}
    context = told | {"form": form} | _progress(cohort)
    return render(request, "evidence/closed.html", context, status=422)


def _card_of(request: PageRequest, name: str) -> Card:
    """The card that a file is made of; refused where figures are closed."""
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    if name not in CARDS:
        raise Http404
    if figures_are_closed(cohort):
        raise PermissionDenied(_t("The figures of a running blinded study are closed until it ends."))
    form = EvidenceForm(request.GET, cohort=cohort)
    if not form.is_valid():
        raise Http404
    with one_snapshot():
        card = one_card(cohort, form.filters(), name)
    _write_down(request, [card])
    return card


@never_cache
@require_safe
@signed_in
def card_csv(request: PageRequest, name: str) -> HttpResponse:
    """The table behind a card."""
    return table_file(_card_of(request, name))


@never_cache
@require_safe
@signed_in
def card_svg(request: PageRequest, name: str) -> HttpResponse:
    """The drawing of a card."""
    return drawing_file(_card_of(request, name))
