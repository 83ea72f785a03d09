"""Every read, already restricted to a user. Pages, REST and exports share it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.contrib.auth import get_user_model
from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from cases import waiting
from cases.lifecycle import CaseState
from cases.models import (
    Adjudication,
    Assignment,
    Case,
    Claim,
    Cohort,
    Draft,
    FirstRead,
    Image,
    Job,
    Membership,
    ModelVersion,
    Prediction,
    Review,
    SavedView,
)
from cases.narrowing import WorklistFilter, narrowed_cases
from cases.permissions import CAPABILITIES, Action, Role, cohorts_where, roles_with, visible_to
from cases.results import jobs_standing_first, standing_first
from cases.revealing import results_open, statements_open
from cases.tallies import Tally, tallies
from cases.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django_stubs_ext import WithAnnotations

    from cases.permissions import Person
    from portal.accounts.models import User

    class Analysis(TypedDict):
        """What `with_analysis` and `worklist` add to a case."""

        is_open: bool

        job_status: str | None
        job_error: str | None
        predicted_class: str | None
        confidence: float | None
        gate_verdict: str | None

    AnalysedCase: TypeAlias = WithAnnotations[Case, Analysis]


@dataclass(frozen=True)
class ReviewFilter:
    """What an export is narrowed to. `since` is included, `until` is not."""

    cohort: str = ""
    since: datetime | None = None
    until: datetime | None = None
    final_class: str = ""
    verdict: str = ""


def with_analysis(user: Person, cases: QuerySet[Case]) -> QuerySet[AnalysedCase]:
    """Add `job_status` and `job_error` of the job, `predicted_class` and `confidence` of the result that
    stands for the case (cases/results.py), and `is_open`: whether the result may be shown to the user.
    """
    job = jobs_standing_first(Job.objects.filter(image__case=OuterRef("pk")))
    result = standing_first(Prediction.objects.filter(image__case=OuterRef("pk")))
    return cases.annotate(
        is_open=ExpressionWrapper(results_open(user), output_field=BooleanField()),
        job_status=Subquery(job.values("status")[:1]),
        job_error=Subquery(job.values("error_message")[:1]),
        predicted_class=Subquery(result.values("predicted_class")[:1]),
        confidence=Subquery(result.values("confidence")[:1]),
        gate_verdict=Subquery(result.values("gate_verdict")[:1]),
    )


def worklist(user: Person, narrowed: WorklistFilter) -> QuerySet[AnalysedCase]:
    """The cases on the user's worklist, newest first, with the analysis that stands for each.

    A filter by what the network found holds only where the result may be shown, so that it cannot be used to
    ask for it.
    """
    cases = narrowed_cases(user, narrowed).select_related("cohort")
    return with_analysis(user, cases).order_by("-created_at", "-id")


def as_rows(user: Person, cases: QuerySet[Case]) -> QuerySet[AnalysedCase]:
    """What a row of the worklist shows of each case: the analysis, who is to read it, and who reads it."""
    held = Claim.objects.filter(expires_at__gt=timezone.now()).select_related("reader").order_by("expires_at")
    given = Assignment.objects.select_related("reader").order_by("created_at", "pk")
    return with_analysis(user, cases.select_related("cohort")).prefetch_related(
        Prefetch("assignments", given), Prefetch("claims", held, to_attr="live_claims")
    )


def worklist_tallies(user: User, narrowed: WorklistFilter) -> dict[str, Tally]:
    """How many cases the filter leaves in each clinical state, by the state's code; beside them, under
    “disputed_mine” and “waiting”, how many wait for the user's decision and for the user's reading.
    """
    cases = narrowed_cases(user, replace(narrowed, state=""))
    return tallies(
        user,
        {state.value: cases.filter(state=state) for state in CaseState}
        | {
            "disputed_mine": awaiting_adjudication(user),
            "waiting": waiting.waits_for(user, visible_to(user)),
        },
    )


def cohorts_visible_to(user: Person) -> QuerySet[Cohort]:
    """The cohorts whose cases the user may see."""
    return cohorts_where(user, Action.VIEW)


@dataclass(frozen=True)
class CohortRights:
    """A cohort and what the user may do there. `role` is None for the superuser."""

    cohort: Cohort
    role: Role | None
    actions: tuple[Action, ...]


def cohorts_of(user: Person) -> list[CohortRights]:
    """Every cohort in which the user has a role, by name, with the rights that come with it."""
    if not user.is_authenticated or not user.is_active:
        return []
    if user.is_superuser:
        return [CohortRights(cohort, None, tuple(Action)) for cohort in Cohort.objects.all()]
    memberships = user.memberships.select_related("cohort").order_by("cohort__name")
    return [
        CohortRights(
            held.cohort,
            Role(held.role),
            tuple(action for action in Action if action in CAPABILITIES[Role(held.role)]),
        )
        for held in memberships
    ]


def saved_views_of(user: User) -> QuerySet[SavedView]:
    """The user's own views of the worklist, by name."""
    return SavedView.objects.filter(user=user.pk).order_by("name")


def readers_of(cohorts: Iterable[Cohort]) -> QuerySet[User]:
    """Who reads in one of the cohorts, by name."""
    held = Membership.objects.filter(cohort__in=list(cohorts), role__in=roles_with(Action.REVIEW))
    people = get_user_model().objects.filter(pk__in=held.values("user"), is_active=True)
    return people.order_by("full_name", "email")


def case_visible_to(user: Person, code: str) -> Case:
    """The case of this code with its images; Case.DoesNotExist where the user may not see it."""
    return (
        visible_to(user)
        .select_related("cohort", "protocol", "created_by")
        .prefetch_related(Prefetch("images", Image.objects.order_by("position")))
        .get(code=code.upper())
    )


def prediction_visible_to(user: Person, case: Case, prediction_id: str) -> Prediction:
    """One result of the case; Prediction.DoesNotExist where it does not lie open before the user."""
    return (
        Prediction.objects.filter(results_open(user, "image__case__"), image__case=case)
        .select_related("model_version", "image")
        .get(pk=prediction_id)
    )


def reviews_of(user: Person, case: Case) -> QuerySet[Review]:
    """The user's own reviews of the case, and those of others once they lie open (cases/revealing.py);
    amended ones too, newest first.
    """
    return (
        _open_reviews(user)
        .filter(case=case)
        .select_related("reader", "prediction", "amended_by")
        .prefetch_related("prediction__model_version")
        .order_by("-created_at", "-id")
    )


def review_visible_to(user: Person, review_id: UUID) -> Review:
    """The review of this id; Review.DoesNotExist where it does not lie open before the user."""
    return (
        _open_reviews(user)
        .select_related("case__cohort", "prediction__model_version", "prediction__image")
        .get(pk=review_id)
    )


def _open_reviews(user: Person) -> QuerySet[Review]:
    own = Q(reader=user.pk, case__cohort__in=cohorts_where(user, Action.READ))
    return Review.objects.filter(own | statements_open(user, "case__"))


def own_current_review(user: User, case: Case) -> Review | None:
    """The user's own review of the case, as last amended."""
    return reviews_of(user, case).filter(reader=user, amended_by__isnull=True).first()


def own_first_read(user: User, case: Case) -> FirstRead | None:
    """What the user committed of the case before the network's result was shown."""
    return FirstRead.objects.filter(case=case, reader=user).first()


def own_draft(user: User, case: Case) -> Draft | None:
    """What the user has typed of the case, or submitted so that it can still be undone."""
    return Draft.objects.filter(case=case, reader=user).select_related("prediction").first()


def adjudication_of(user: Person, case: Case) -> Adjudication | None:
    """The decision on a case whose readers differed, once other readers' statements lie open."""
    found = Adjudication.objects.filter(statements_open(user, "case__"), case=case)
    return found.select_related("adjudicator").first()


def awaiting_adjudication(user: User) -> QuerySet[Case]:
    """The disputed cases that the user is named to decide, oldest first."""
    disputed = visible_to(user).filter(state=CaseState.DISPUTED, protocol__adjudicator=user.pk)
    return disputed.exclude(reviews__reader=user.pk).order_by("created_at", "id")


def current_reviews(user: Person, narrowed: ReviewFilter) -> QuerySet[Review]:
    """The reviews that the user may export, each as last amended, oldest first."""
    reviews = Review.objects.filter(
        amended_by__isnull=True, case__cohort__in=cohorts_where(user, Action.EXPORT)
    )
    if narrowed.cohort:
        reviews = reviews.filter(case__cohort__name=narrowed.cohort)
    if narrowed.since:
        reviews = reviews.filter(created_at__gte=narrowed.since)
    if narrowed.until:
        reviews = reviews.filter(created_at__lt=narrowed.until)
    if narrowed.final_class:
        reviews = reviews.filter(final_class=narrowed.final_class)
    if narrowed.verdict:
        reviews = reviews.filter(verdict=narrowed.verdict)
    # A version's manifest is large: it is read once for many rows, never joined to each.
    return (
        reviews.select_related(
            "case__cohort", "case__adjudication", "prediction__image", "protocol", "reader", "amends"
        )
        .prefetch_related(
            "prediction__model_version",
            "case__first_reads",
            Prefetch("case__images", Image.objects.only("case").order_by()),  # they are only counted
        )
        .order_by("created_at", "id")
    )


def known_classes() -> dict[str, str]:
    """Label by code of every class that a registered network knows, newest network first."""
    labels: dict[str, str] = {}
    newest_first = ModelVersion.objects.order_by("-is_active", "-registered_at")
    for classes in newest_first.values_list("manifest__classes", flat=True):
        labels |= {each["code"]: shown(each["label"]) for each in classes if each["code"] not in labels}
    return labels
