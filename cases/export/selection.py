"""Which reviews an export holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Prefetch, Q, QuerySet

from cases.models import Case, Image, Review
from cases.permissions import Action, cohorts_where

if TYPE_CHECKING:
    from cases.permissions import Person


@dataclass(frozen=True)
class ReviewFilter:
    """What an export is narrowed to. `since` is included, `until` is not."""

    cohort: str = ""
    since: datetime | None = None
    until: datetime | None = None
    final_class: str = ""
    verdict: str = ""


def current_reviews(user: Person, filters: ReviewFilter) -> QuerySet[Review]:
    """The reviews that the user may export, each as last amended, oldest first; later remarks are rows of
    their own, and say so. Those of sentinels are no study data.
    """
    cohorts = cohorts_where(user, Action.EXPORT)
    if filters.cohort:
        cohorts = cohorts.filter(name=filters.cohort)
    # Both are asked of each review in its turn, by age: joined, a database would gather all and sort them.
    is_theirs = Exists(Case.objects.filter(pk=OuterRef("case"), cohort__in=cohorts, is_sentinel=False))
    is_amended = Exists(Review.objects.filter(amends=OuterRef("pk"), is_remark=False))
    reviews = Review.objects.filter(Q(is_remark=True) | ~is_amended, is_theirs)
    if filters.since:
        reviews = reviews.filter(created_at__gte=filters.since)
    if filters.until:
        reviews = reviews.filter(created_at__lt=filters.until)
    if filters.final_class:
        reviews = reviews.filter(final_class=filters.final_class)
    if filters.verdict:
        reviews = reviews.filter(verdict=filters.verdict)
    return reviews.order_by("created_at", "id")


def with_all(reviews: QuerySet[Review]) -> QuerySet[Review]:
    """The reviews with all that a row of the export tells.

    A version's manifest is large: it is read once for many rows, never joined to each.
    """
    return reviews.select_related(
        "case__cohort", "case__adjudication", "prediction__image", "protocol", "reader", "amends"
    ).prefetch_related(
        "prediction__model_version",
        "case__first_reads",
        Prefetch("case__images", Image.objects.only("case").order_by()),  # they are only counted
    )
