"""The state of a case's analysis, and queueing a failed one again."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRefresh, trigger_client_event

from cases import results
from cases.lifecycle import IllegalTransition, JobStatus
from cases.models import Case, Job
from cases.pages.access import PageRequest, case_or_404, signed_in
from cases.pages.rows import rows_by_code
from cases.permissions import Action, actions_in
from cases.results import Progress
from cases.services import jobs


@dataclass(frozen=True)
class Analysis:
    """What the page of a case says of its newest analysis, and whether the user may queue it again.

    `job` is the one that stands for the images of the case, of which `progress` counts how many are ready.
    """

    job: Job
    waits_long: bool
    may_retry: bool
    progress: Progress

    @property
    def is_pending(self) -> bool:
        """Whether the state will change by itself."""
        return self.job.status in (JobStatus.QUEUED, JobStatus.RUNNING)

    @property
    def has_failed(self) -> bool:
        """Whether somebody has to queue it again."""
        return self.job.status in (JobStatus.FAILED, JobStatus.CANCELLED)

    @property
    def is_partial(self) -> bool:
        """Whether some images have a result and others will have none by themselves."""
        return self.has_failed and self.progress.analysed > 0


def analysis_of(
    request: PageRequest, case: Case, actions: frozenset[Action] | None = None
) -> Analysis | None:
    """The newest analysis of the case; None where it has none. `actions`: what the user may do in the cohort,
    where that is known.
    """
    job = results.current_job(case)
    if job is None:
        return None
    waited = (timezone.now() - job.queued_at).total_seconds()
    return Analysis(
        job,
        waits_long=job.status == JobStatus.QUEUED and waited > settings.JOB_REDISPATCH_SECONDS,
        may_retry=Action.RETRY in (actions or actions_in(request.user, case.cohort)),
        progress=results.progress_of([case.pk])[case.pk],
    )


@never_cache
@require_safe
@signed_in
def status(request: PageRequest, code: str) -> HttpResponse:
    """The panel of the case's page while it waits; once that is over, the page is loaded anew."""
    case = case_or_404(request, code)
    analysis = analysis_of(request, case)
    if analysis is None:
        raise Http404
    if request.htmx and not analysis.is_pending:
        return HttpResponseClientRefresh()
    return render(request, "cases/parts/analysis_panel.html", {"case": case, "analysis": analysis})


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
            answer = render(request, "cases/parts/worklist_rows.html", {"rows": rows})
            return trigger_client_event(answer, "rows-changed")
        # Begin to ask again, whatever the page did before; it stops by itself.
        context = {"rows": rows, "has_pending": True}
        return render(request, "cases/parts/states.html", context)
    messages.info(request, sentence)
    return redirect("cases:case", code=case.code)
