"""The evidence page of a cohort, for its study administrators: what was reviewed, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
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
from cases.evidence.computed import asked_for
from cases.evidence.evidence_forms import EvidenceForm, OpenEarlyForm
from cases.evidence.figures import alerts_open
from cases.evidence.files import drawing_text, kept_drawing, kept_table, table_text
from cases.evidence.kept import is_large
from cases.evidence.page import evidence_of, one_card
from cases.interim import figures_are_closed, open_early, opening_of
from cases.lifecycle import CaseState, Shown
from cases.snapshot import one_snapshot

if TYPE_CHECKING:
    from collections.abc import Collection

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
    if is_large(cohort):
        asked = asked_for(cohort, form.told())
        context |= {"asked": asked, "found": asked.answer, "as_of": asked.as_of}
        told_of = [code for card in (asked.answer or {}).get("cards", []) for code in card["tells_of"]]
    else:
        with one_snapshot():
            found = evidence_of(cohort, form.filters())
        context |= {"found": found, "as_of": found.as_of}
        told_of = [code for card in found.cards for code in card.tells_of]
    _write_down(request, told_of)
    return render(request, "evidence/evidence.html", context)


def _write_down(request: PageRequest, codes: Collection[str]) -> None:
    """Cases that a card shows one by one with what was said of them (cases/disclosures.py)."""
    disclosures.record_of_codes(to=request.user, codes=codes, kinds=[Shown.TRUTH, Shown.PEERS])


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


@dataclass(frozen=True)
class _CardFiles:
    """What is fetched of one card, empty where it has no such thing."""

    csv: str
    svg: str


def _files_of(request: PageRequest, name: str) -> _CardFiles | None:
    """The files of a card, None while they are computed; refused where figures are closed."""
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    if name not in CARDS:
        raise Http404
    if figures_are_closed(cohort):
        raise PermissionDenied(_t("The figures of a running blinded study are closed until it ends."))
    form = EvidenceForm(request.GET, cohort=cohort)
    if not form.is_valid():
        raise Http404
    if is_large(cohort):
        answer = asked_for(cohort, form.told()).answer
        if answer is None:
            return None
        kept = next(card for card in answer["cards"] if card["name"] == name)
        _write_down(request, kept["tells_of"])
        return _CardFiles(kept["csv"], kept["svg"])
    with one_snapshot():
        card = one_card(cohort, form.filters(), name)
    _write_down(request, card.tells_of)
    return _CardFiles(table_text(card), drawing_text(card))


@never_cache
@require_safe
@signed_in
def card_csv(request: PageRequest, name: str) -> HttpResponse:
    """The table behind a card."""
    files = _files_of(request, name)
    return kept_table(name, files.csv) if files else _to_the_page(request)


@never_cache
@require_safe
@signed_in
def card_svg(request: PageRequest, name: str) -> HttpResponse:
    """The drawing of a card."""
    files = _files_of(request, name)
    return kept_drawing(name, files.svg) if files else _to_the_page(request)


def _to_the_page(request: PageRequest) -> HttpResponse:
    """It tells of the progress, where a file is not computed yet."""
    return redirect(f"{reverse('dashboard:evidence')}?{_query(request)}")
