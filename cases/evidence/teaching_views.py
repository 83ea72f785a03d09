"""Results of a teaching cohort: to its study administrators everybody's, to a trainee the own."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from cases import disclosures
from cases.access import PageRequest, signed_in
from cases.cohorts import known_cohorts
from cases.evidence.files import drawing_file, table_file
from cases.evidence.teaching import trainee_card, trainees_of
from cases.lifecycle import Reading, Shown
from cases.models import Cohort
from cases.permissions import Action, may, require

if TYPE_CHECKING:
    from cases.evidence.cards.card import Card


@never_cache
@require_safe
@signed_in
def results(request: PageRequest) -> HttpResponse:
    """A card a trainee."""
    cohort = _cohort(request)
    context = {
        "cohort": cohort,
        "cards": _cards(request, cohort),
        "teaches": may(request.user, Action.MANAGE, cohort),
        "query": f"cohort={cohort.pk}",
    }
    return render(request, "evidence/teaching.html", context)


def _cohort(request: PageRequest) -> Cohort:
    """A teaching cohort that the user takes part in."""
    try:
        wanted = UUID(request.GET.get("cohort", ""))
        cohort = known_cohorts(request.user).get(pk=wanted, reading=Reading.TEACHING)
    except (ValueError, Cohort.DoesNotExist):
        raise Http404 from None
    require(request.user, Action.REVIEW, cohort)
    return cohort


def _cards(request: PageRequest, cohort: Cohort) -> list[Card]:
    """What others said, and of which cases, is written down as shown; the own answers were shown already."""
    everybody = may(request.user, Action.MANAGE, cohort)
    found = trainees_of(cohort, to=request.user, everybody=everybody)
    cards = [trainee_card(trainee, is_own=trainee.key == request.user.pk) for trainee in found]
    if everybody and request.method != "HEAD":
        codes = {code for card in cards for code in card.tells_of if card.name != str(request.user.pk)}
        disclosures.record_of_codes(to=request.user, codes=codes, kinds=[Shown.TRUTH, Shown.PEERS])
    return cards


def _card_of(request: PageRequest, name: str) -> Card:
    card = next((card for card in _cards(request, _cohort(request)) if card.name == name), None)
    if card is None:
        raise Http404
    return card


@never_cache
@require_safe
@signed_in
def results_csv(request: PageRequest, name: str) -> HttpResponse:
    """The weeks of a trainee."""
    return table_file(_card_of(request, name))


@never_cache
@require_safe
@signed_in
def results_svg(request: PageRequest, name: str) -> HttpResponse:
    """The drawing of them."""
    return drawing_file(_card_of(request, name))
