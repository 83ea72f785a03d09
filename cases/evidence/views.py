"""The dashboard of a cohort, for its study administrators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_POST, require_safe

from cases.access import PageRequest, signed_in
from cases.analysis import jobs, reanalysis
from cases.analysis.model_versions import active_version
from cases.classes import known_classes
from cases.cohorts import chosen_cohort, known_cohorts
from cases.evidence import charts, comparison, figures
from cases.evidence.influence import reveal_tally
from cases.evidence.kept import kept
from cases.interim import figures_are_closed
from cases.lifecycle import IllegalTransition
from cases.models import Cohort, Job
from cases.permissions import Action, require
from cases.snapshot import one_snapshot

# A study that goes on is looked at again and again.
KEPT_SECONDS = 60


@require_safe
@signed_in
def dashboard(request: PageRequest) -> HttpResponse:
    """How one cohort stands."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    context: dict[str, Any] = {"cohorts": managed, "cohort": cohort}
    with one_snapshot():
        is_closed = figures_are_closed(cohort)
        told = f"dashboard {is_closed}"
        found = kept(cohort, told, lambda: _counted(cohort, is_closed=is_closed), seconds=KEPT_SECONDS)
        context |= found.figures | _lists(cohort) | {"is_closed": is_closed, "counted_at": found.at}
    return render(request, "evidence/dashboard.html", context)


def _counted(cohort: Cohort, *, is_closed: bool) -> dict[str, Any]:
    """All that is counted; while figures are closed, nothing of how right anybody was."""
    found = _progress(cohort) | _work(cohort)
    if not is_closed:
        found |= _opinions(cohort, found["readers"])
    if found["case_count"]:
        found["plan"] = reanalysis.plan(cohort, active_version())
        found["version_count"] = comparison.versions_in(cohort).count()
    return found


def _lists(cohort: Cohort) -> dict[str, Any]:
    """What somebody is to look after, as it is now."""
    return {
        "alerts_open": figures.alerts_open(cohort),
        "failed": list(figures.failed_jobs(cohort)),
        "unread": figures.oldest_unread(cohort),
        "unanalysed": figures.oldest_unanalysed(cohort),
    }


def _progress(cohort: Cohort) -> dict[str, Any]:
    states = figures.cases_by_state(cohort)
    statuses = figures.jobs_by_status(cohort)
    return {
        "states": states,
        "case_count": sum(tally.n for tally in states),
        "statuses": statuses,
        "job_count": sum(tally.n for tally in statuses),
        "durations": figures.analysis_durations(cohort),
    }


def _work(cohort: Cohort) -> dict[str, Any]:
    """What was done, which tells nothing of how right it was."""
    columns = charts.columns(figures.reads_by_day(cohort))
    return {
        "columns": columns,
        "column_count": sum(column.n for column in columns),
        "readers": figures.reads_by_reader(cohort),
        "simulated": figures.simulated_cases(cohort),
    }


def _opinions(cohort: Cohort, readers: list[figures.ReaderTally]) -> dict[str, Any]:
    agreement = figures.agreement(cohort)
    reveal = reveal_tally(cohort)
    return {
        "reveal": reveal,
        "reveal_range": charts.interval(reveal.changed) if reveal else None,
        "agreement": agreement,
        "left_out": figures.reads_left_out(readers),
        "gate": figures.gate_tally(cohort),
        "agreement_range": charts.interval(agreement),
        "confusion": charts.confusion_rows(figures.confusion(cohort), known_classes()),
        "accuracies": [
            {"accuracy": accuracy, "range": charts.interval(accuracy.share)}
            for accuracy in figures.accuracies(cohort)
        ],
    }


@require_POST
@signed_in
def retry(request: PageRequest, job_id: UUID) -> HttpResponse:
    """Queue a failed analysis again."""
    by = request.user
    known = Job.objects.select_related("image__cohort", "image__case")
    job = get_object_or_404(known, pk=job_id, image__cohort__in=known_cohorts(by))
    require(by, Action.MANAGE, job.image.cohort)
    try:
        jobs.retry(by=by, job=job)
    except IllegalTransition:
        messages.warning(request, _t("This analysis does not need another try; look at its state."))
    else:
        messages.success(request, _t("Case %(code)s is queued again.") % {"code": job.image.case.code})
    return redirect(f"{reverse('dashboard:dashboard')}?cohort={job.image.cohort_id}")
