"""The cases on a user's worklist, with what a row shows of each."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Prefetch, QuerySet, Subquery
from django.utils import timezone

from cases.analysis.results import current_jobs_first
from cases.blinding import results_visible_to
from cases.lifecycle import CaseState
from cases.models import Assignment, Case, Claim, Job
from cases.permissions import visible_to
from cases.worklist.counts import Count, counts_of
from cases.worklist.filters import WorklistFilter, filtered_cases
from cases.worklist.reading_queue import awaiting_adjudication, waits_for

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    from cases.permissions import Person
    from portal.accounts.models import User

    class ShownOfAnalysis(TypedDict):
        """What `with_analysis` adds to a case."""

        is_open: bool
        job_status: str | None
        job_error: str | None

    AnalysedCase: TypeAlias = WithAnnotations[Case, ShownOfAnalysis]


def with_analysis(user: Person, cases: QuerySet[Case]) -> QuerySet[AnalysedCase]:
    """Add `job_status` and `job_error` of the job that stands for the case, and `is_open`: whether the user
    may be shown the result, which the case's own row repeats (cases/analysis/key_result.py).

    What is asked of these in a filter tells the result: filters.py holds it to where the result lies open.
    """
    job = current_jobs_first(Job.objects.filter(image__case=OuterRef("pk")))
    return cases.select_related("cohort").annotate(
        is_open=ExpressionWrapper(results_visible_to(user), output_field=BooleanField()),
        job_status=Subquery(job.values("status")[:1]),
        job_error=Subquery(job.values("error_message")[:1]),
    )


def as_rows(user: Person, cases: QuerySet[Case]) -> QuerySet[AnalysedCase]:
    """What a row of the worklist shows of each case: the analysis, who is to read it, and who reads it."""
    held = Claim.objects.filter(expires_at__gt=timezone.now()).select_related("reader").order_by("expires_at")
    given = Assignment.objects.select_related("reader").order_by("created_at", "pk")
    return with_analysis(user, cases).prefetch_related(
        Prefetch("assignments", given), Prefetch("claims", held, to_attr="live_claims")
    )


def worklist_counts(user: User, filters: WorklistFilter) -> dict[str, Count]:
    """How many cases the filter leaves in each clinical state, by the state's code; beside them, under
    “disputed_mine” and “waiting”, how many wait for the user's decision and for the user's reading.
    """
    cases = filtered_cases(user, replace(filters, state=""))
    return counts_of(
        user,
        {state.value: cases.filter(state=state) for state in CaseState}
        | {
            "disputed_mine": awaiting_adjudication(user),
            "waiting": waits_for(user, visible_to(user)),
        },
    )
