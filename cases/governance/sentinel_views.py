"""The page of the sentinels, for the study administrators of a cohort: which they are, and who is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cases import disclosures
from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort
from cases.evidence.files import drawing_file, table_file
from cases.governance.forms import SentinelForm
from cases.governance.sentinel_cards import sentinel_cards
from cases.interim import figures_are_closed
from cases.lifecycle import Reading, Shown
from cases.setup import sentinels as marks
from cases.snapshot import one_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases.evidence.cards.card import Card
    from cases.models import Cohort


@never_cache
@require_safe
@signed_in
def sentinels(request: PageRequest) -> HttpResponse:
    """What networks and readers say of the sentinels, and the form that marks cases."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    return _page(request, managed, cohort, SentinelForm())


def _page(
    request: PageRequest, managed: list[Cohort], cohort: Cohort, form: SentinelForm, status: int = 200
) -> HttpResponse:
    with one_snapshot():
        cards = _cards(cohort)
        counts = cohort.cases.filter(is_sentinel=True).aggregate(
            marked=Count("pk"), begun=Count("pk", filter=Q(protocol__isnull=False))
        )
    _write_down(request, cards)
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": cohort,
        "cards": cards,
        "query": f"cohort={cohort.pk}",
        "form": form,
        "is_closed": figures_are_closed(cohort),
        "is_teaching": cohort.reading == Reading.TEACHING,
        **counts,
    }
    return render(request, "governance/sentinels.html", context, status=status)


def _cards(cohort: Cohort) -> list[Card]:
    """None where there is no sentinel; those of readers wait for the end of a running blinded study."""
    if not cohort.cases.filter(is_sentinel=True).exists():
        return []
    return sentinel_cards(cohort, with_readers=not figures_are_closed(cohort))


def _write_down(request: PageRequest, cards: Sequence[Card]) -> None:
    """Known class and network of the cases that are shown one by one (cases/disclosures.py)."""
    codes = [code for card in cards for code in card.tells_of]
    disclosures.record_of_codes(to=request.user, codes=codes, kinds=[Shown.TRUTH, Shown.NETWORK])


@never_cache
@require_POST
@signed_in
def mark(request: PageRequest) -> HttpResponse:
    """Make sentinels of cases, or ordinary ones again."""
    managed, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    form = SentinelForm(request.POST)
    if form.is_valid():
        try:
            n = marks.mark(by=request.user, cohort=cohort, **form.told())
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            said = ngettext("%(n)d case was changed.", "%(n)d cases were changed.", n)
            messages.success(request, said % {"n": n}, extra_tags=f"saved:sentinels:{cohort.pk}")
            return redirect(f"{reverse('governance:sentinels')}?cohort={cohort.pk}")
    return _page(request, managed, cohort, form, status=422)


def _card_of(request: PageRequest, name: str) -> Card:
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    with one_snapshot():
        card = next((card for card in _cards(cohort) if card.name == name), None)
    if card is None:
        raise Http404
    _write_down(request, [card])
    return card


@never_cache
@require_safe
@signed_in
def sentinels_csv(request: PageRequest, name: str) -> HttpResponse:
    """The table behind a card."""
    return table_file(_card_of(request, name))


@never_cache
@require_safe
@signed_in
def sentinels_svg(request: PageRequest, name: str) -> HttpResponse:
    """The drawing of a card."""
    return drawing_file(_card_of(request, name))
