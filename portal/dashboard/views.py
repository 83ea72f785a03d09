"""The dashboard of a cohort, for its study administrators."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_POST, require_safe

from cases.lifecycle import IllegalTransition
from cases.models import Cohort, Job
from cases.permissions import Action, require
from cases.selectors import known_classes
from cases.services import jobs, reanalysis
from cases.services.model_versions import active_version
from portal.accounts.cohort_choice import chosen_cohort, cohorts_of
from portal.accounts.requests import person
from portal.dashboard import charts, comparison, selectors
from portal.dashboard.reveal import reveal_tally


@login_required
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """How one cohort stands."""
    managed, cohort = chosen_cohort(person(request), request.GET.get("cohort", ""))
    context: dict[str, Any] = {"cohorts": managed, "cohort": cohort}
    context |= _progress(cohort) | _opinions(cohort)
    if context["case_count"]:
        context["plan"] = reanalysis.plan(cohort, active_version())
        context["version_count"] = comparison.versions_in(cohort).count()
    return render(request, "dashboard/dashboard.html", context)


def _progress(cohort: Cohort) -> dict[str, Any]:
    states = selectors.cases_by_state(cohort)
    statuses = selectors.jobs_by_status(cohort)
    return {
        "states": states,
        "case_count": sum(tally.n for tally in states),
        "statuses": statuses,
        "job_count": sum(tally.n for tally in statuses),
        "failed": list(selectors.failed_jobs(cohort)),
        "unread": selectors.oldest_unread(cohort),
        "unanalysed": selectors.oldest_unanalysed(cohort),
        "durations": selectors.analysis_durations(cohort),
    }


def _opinions(cohort: Cohort) -> dict[str, Any]:
    agreement = selectors.agreement(cohort)
    columns = charts.columns(selectors.reads_by_day(cohort))
    reveal = reveal_tally(cohort)
    return {
        "reveal": reveal,
        "reveal_range": charts.interval(reveal.changed) if reveal else None,
        "agreement": agreement,
        "left_out": selectors.reads_left_out(cohort),
        "gate": selectors.gate_tally(cohort),
        "agreement_range": charts.interval(agreement),
        "confusion": charts.confusion_rows(selectors.confusion(cohort), known_classes()),
        "readers": selectors.reads_by_reader(cohort),
        "columns": columns,
        "column_count": sum(column.n for column in columns),
        "simulated": selectors.simulated_cases(cohort),
        "accuracies": [
            {"accuracy": accuracy, "range": charts.interval(accuracy.share)}
            for accuracy in selectors.accuracies(cohort)
        ],
    }


@login_required
@require_POST
def retry(request: HttpRequest, job_id: UUID) -> HttpResponse:
    """Queue a failed analysis again."""
    by = person(request)
    known = Job.objects.select_related("image__cohort", "image__case")
    job = get_object_or_404(known, pk=job_id, image__cohort__in=cohorts_of(by))
    require(by, Action.MANAGE, job.image.cohort)
    try:
        jobs.retry(by=by, job=job)
    except IllegalTransition:
        messages.warning(request, _t("This analysis does not need another try; look at its state."))
    else:
        messages.success(request, _t("Case %(code)s is queued again.") % {"code": job.image.case.code})
    return redirect(f"{reverse('dashboard:dashboard')}?cohort={job.image.cohort_id}")
