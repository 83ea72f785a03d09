"""The page of drift, for the study administrators of a cohort: baseline, alerts, and a card a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort, known_cohorts
from cases.evidence.files import drawing_file, table_file
from cases.evidence.kept import kept
from cases.governance import alerts
from cases.governance.drift import baseline_of, freeze, rules_told
from cases.governance.drift_cards import drift_cards
from cases.governance.forms import BaselineForm
from cases.models import DriftAlert
from cases.permissions import Action, require
from cases.snapshot import one_snapshot

if TYPE_CHECKING:
    from cases.evidence.cards.card import Card
    from cases.models import Cohort, DriftBaseline

ALERTS_SHOWN = 50


@never_cache
@require_safe
@signed_in
def drift(request: PageRequest) -> HttpResponse:
    """The weeks since the baseline, and the alerts."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    return _page(request, managed, cohort, BaselineForm(cohort=cohort))


def _page(
    request: PageRequest, managed: list[Cohort], cohort: Cohort, form: BaselineForm, status: int = 200
) -> HttpResponse:
    with one_snapshot():
        baseline = baseline_of(cohort)
        cards = _cards(baseline) if baseline else []
    found = DriftAlert.objects.filter(cohort=cohort).select_related(
        "acknowledged_by", "baseline__version", "sentinel_check__version"
    )
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": cohort,
        "baseline": baseline,
        "cards": cards,
        "query": f"cohort={cohort.pk}",
        "alerts": found.order_by("-week", "rule")[:ALERTS_SHOWN],
        "form": form,
    }
    return render(request, "governance/drift.html", context, status=status)


def _cards(baseline: DriftBaseline) -> list[Card]:
    told = f"drift {baseline.pk} {settings.EVIDENCE_LEAST} {rules_told(baseline.cohort)}"
    seconds = settings.EVIDENCE_KEEP_SECONDS
    return kept(baseline.cohort, told, lambda: drift_cards(baseline), seconds=seconds).figures


@never_cache
@require_POST
@signed_in
def freeze_baseline(request: PageRequest) -> HttpResponse:
    """Freeze a baseline, from which on weeks are held against it."""
    managed, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    form = BaselineForm(request.POST, cohort=cohort)
    if form.is_valid():
        try:
            freeze(by=request.user, cohort=cohort, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            said = _t("The baseline is frozen. Weeks behind it are held against it from now on.")
            messages.success(request, said, extra_tags=f"saved:drift-baseline:{cohort.pk}")
            return redirect(_address(cohort))
    return _page(request, managed, cohort, form, status=422)


@never_cache
@require_POST
@signed_in
def acknowledge(request: PageRequest, alert_id: UUID) -> HttpResponse:
    """Say what came of an alert."""
    known = DriftAlert.objects.select_related("cohort")
    alert = get_object_or_404(known, pk=alert_id, cohort__in=known_cohorts(request.user))
    require(request.user, Action.MANAGE, alert.cohort)
    try:
        alerts.acknowledge(by=request.user, alert=alert, reason=request.POST.get("reason", ""))
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    else:
        said = _t("The alert is acknowledged; the audit keeps who did, and why.")
        messages.success(request, said, extra_tags=f"saved:drift-alert:{alert.pk}")
    return redirect(_address(alert.cohort))


def _address(cohort: Cohort) -> str:
    return f"{reverse('governance:drift')}?cohort={cohort.pk}"


def _card_of(request: PageRequest, name: str) -> Card:
    _, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    baseline = baseline_of(cohort)
    with one_snapshot():
        cards = _cards(baseline) if baseline else []
    card = next((card for card in cards if card.name == name), None)
    if card is None:
        raise Http404
    return card


@never_cache
@require_safe
@signed_in
def drift_csv(request: PageRequest, name: str) -> HttpResponse:
    """The table behind a card."""
    return table_file(_card_of(request, name))


@never_cache
@require_safe
@signed_in
def drift_svg(request: PageRequest, name: str) -> HttpResponse:
    """The drawing of a card."""
    return drawing_file(_card_of(request, name))
