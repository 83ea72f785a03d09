"""The state of a case's analysis, and queueing a failed one again."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from cases.access import PageRequest, case_or_404, signed_in
from cases.analysis import results
from cases.analysis.results import Progress
from cases.classes import own_colours
from cases.lifecycle import AT_WORK, ENDED_WITHOUT_RESULT, JobStatus
from cases.models import Case, Job
from cases.permissions import Action, actions_in

WAITS_LONG_SECONDS = 30


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
        return self.job.status in AT_WORK

    @property
    def has_failed(self) -> bool:
        """Whether somebody has to queue it again."""
        return self.job.status in ENDED_WITHOUT_RESULT

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
        waits_long=job.status == JobStatus.QUEUED and waited > WAITS_LONG_SECONDS,
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
    return render(request, "analysis/parts/analysis_panel.html", {"case": case, "analysis": analysis})


@require_safe
@signed_in
def class_colours(request: PageRequest) -> HttpResponse:
    """The colours of classes whose network brings its own, as a style sheet: a rule each."""
    rules = [
        f'[data-class="{code}"] {{ --class-colour: light-dark({colour["light"]}, {colour["dark"]}); }}\n'
        for code, colour in own_colours().items()
    ]
    return HttpResponse("".join(rules), content_type="text/css; charset=utf-8")
