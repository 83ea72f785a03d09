"""Which network is used: candidates in shadow, their bounds, and what was decided of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cases.access import PageRequest, signed_in
from cases.analysis import model_versions, shadow
from cases.cohorts import chosen_cohort, known_cohorts
from cases.evidence.files import drawing_file, table_file
from cases.governance import acceptance
from cases.governance.comparison_card import comparison_card, verdict_in_words
from cases.governance.forms import BoundsForm
from cases.governance.verdict import Comparison, Verdict
from cases.interim import figures_are_closed
from cases.models import AcceptanceBounds, ModelVersion
from cases.permissions import Action, require
from inference.errors import ManifestError

if TYPE_CHECKING:
    from cases.evidence.cards.card import Card
    from cases.models import Cohort

BOUNDS_SHOWN = 50


@never_cache
@require_safe
@signed_in
def networks(request: PageRequest) -> HttpResponse:
    """The network in use, the candidates, and the comparisons of this cohort."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    return _networks(request, managed, cohort, BoundsForm(cohort=cohort))


def _networks(
    request: PageRequest, managed: list[Cohort], cohort: Cohort, form: BoundsForm, status: int = 200
) -> HttpResponse:
    active = model_versions.active_version()
    candidates = ModelVersion.objects.filter(is_candidate=True).defer("manifest")
    bounds = acceptance.comparisons_of([cohort])
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": cohort,
        "active": active,
        "before": model_versions.version_before(active),
        "candidates": [
            {"version": version, "progress": shadow.progress_in(cohort, version)} for version in candidates
        ],
        "bounds": [_row(each) for each in bounds[:BOUNDS_SHOWN]],
        "form": form,
        "has_snapshots": form.fields["snapshot"].queryset.exists(),  # type: ignore[attr-defined]
    }
    return render(request, "governance/networks.html", context, status=status)


def _row(bounds: AcceptanceBounds) -> dict[str, Any]:
    decision = getattr(bounds, "decision", None)
    verdict = verdict_in_words(Verdict(decision.figures["verdict"])) if decision else ""
    return {"bounds": bounds, "decision": decision, "verdict": verdict}


@never_cache
@require_POST
@signed_in
def run_in_shadow(request: PageRequest) -> HttpResponse:
    """Have a candidate analyse the cohort."""
    _, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    version = get_object_or_404(ModelVersion, name=request.POST.get("version", ""))
    try:
        queued = shadow.run_in_shadow(by=request.user, cohort=cohort, version=version)
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    else:
        said = ngettext(
            "%(n)d image is queued for %(name)s, in shadow.",
            "%(n)d images are queued for %(name)s, in shadow.",
            queued,
        )
        messages.success(request, said % {"n": queued, "name": version.name})
    return redirect(_address(cohort))


@never_cache
@require_POST
@signed_in
def state(request: PageRequest) -> HttpResponse:
    """State the bounds of a comparison."""
    managed, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    form = BoundsForm(request.POST, cohort=cohort)
    if form.is_valid():
        try:
            made = acceptance.state_bounds(by=request.user, cohort=cohort, **form.stated())
        except ValidationError as error:
            form.add_error(None, " ".join(error.messages))
        else:
            said = _t("The bounds are stated, and stay as they are.")
            messages.success(request, said, extra_tags=f"saved:acceptance-bounds:{cohort.pk}")
            return redirect("governance:bounds", bounds_id=made.pk)
    return _networks(request, managed, cohort, form, status=422)


@never_cache
@require_POST
@signed_in
def go_back(request: PageRequest) -> HttpResponse:
    """Use the former network again."""
    _, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    version = get_object_or_404(ModelVersion, name=request.POST.get("version", ""))
    try:
        before = model_versions.roll_back(by=request.user, version=version)
    except (ManifestError, model_versions.NoWayBack) as error:
        messages.warning(request, str(error))
    else:
        messages.success(request, _t("“%(name)s” is active again.") % {"name": before.name})
    return redirect(_address(cohort))


def _bounds_or_404(request: PageRequest, bounds_id: UUID) -> AcceptanceBounds:
    bounds = get_object_or_404(acceptance.comparisons_of(known_cohorts(request.user)), pk=bounds_id)
    require(request.user, Action.MANAGE, bounds.cohort)
    return bounds


@never_cache
@require_safe
@signed_in
def bounds(request: PageRequest, bounds_id: UUID) -> HttpResponse:
    """What was stated; once it was opened, what was found."""
    return _bounds(request, _bounds_or_404(request, bounds_id))


def _bounds(request: PageRequest, bounds: AcceptanceBounds) -> HttpResponse:
    managed, _cohort = chosen_cohort(request.user, str(bounds.cohort_id))
    opening = acceptance.opening_of(bounds)
    found = _found(bounds) if opening else None
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": bounds.cohort,
        "bounds": bounds,
        "recalls": [{"code": code, "percent": 100 * each} for code, each in bounds.least_recall.items()],
        "margin": 100 * bounds.margin,
        "opening": opening,
        "decision": getattr(bounds, "decision", None),
        "card": comparison_card(bounds, found) if found else None,
        "can_promote": found is not None and found.verdict == Verdict.MET,
        "is_closed": figures_are_closed(bounds.cohort),
        "query": "",
    }
    return render(request, "governance/bounds.html", context)


def _found(bounds: AcceptanceBounds) -> Comparison:
    decision = getattr(bounds, "decision", None)
    return Comparison.from_dict(decision.figures) if decision else acceptance.comparison_of(bounds)


@never_cache
@require_POST
@signed_in
def open_comparison(request: PageRequest, bounds_id: UUID) -> HttpResponse:
    """Let the figures be seen."""
    bounds = _bounds_or_404(request, bounds_id)
    try:
        acceptance.open_comparison(by=request.user, bounds=bounds)
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    return redirect("governance:bounds", bounds_id=bounds.pk)


@never_cache
@require_POST
@signed_in
def decide(request: PageRequest, bounds_id: UUID) -> HttpResponse:
    """Promote the candidate, or refuse it."""
    bounds = _bounds_or_404(request, bounds_id)
    promote = request.POST.get("decision") == "promote"
    if not promote and request.POST.get("decision") != "refuse":
        raise Http404
    try:
        acceptance.decide(
            by=request.user, bounds=bounds, promote=promote, reason=request.POST.get("reason", "")
        )
    except ValidationError as error:
        messages.warning(request, " ".join(error.messages))
    except ManifestError as error:
        messages.warning(request, str(error))
    else:
        done = _t("“%(name)s” is promoted: it is active.") if promote else _t("“%(name)s” is refused.")
        tags = f"saved:acceptance-decision:{bounds.pk}"
        messages.success(request, done % {"name": bounds.candidate.name}, extra_tags=tags)
    return redirect("governance:bounds", bounds_id=bounds.pk)


def _card_of(request: PageRequest, bounds_id: UUID) -> Card:
    bounds = _bounds_or_404(request, bounds_id)
    if acceptance.opening_of(bounds) is None:
        raise Http404
    return comparison_card(bounds, _found(bounds))


@never_cache
@require_safe
@signed_in
def bounds_csv(request: PageRequest, bounds_id: UUID) -> HttpResponse:
    """The table behind a comparison."""
    return table_file(_card_of(request, bounds_id))


@never_cache
@require_safe
@signed_in
def bounds_svg(request: PageRequest, bounds_id: UUID) -> HttpResponse:
    """The drawing of a comparison."""
    return drawing_file(_card_of(request, bounds_id))


def _address(cohort: Cohort) -> str:
    return f"{reverse('governance:networks')}?cohort={cohort.pk}"
