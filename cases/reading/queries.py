"""What was said of a case: one's own statements, and those of others once they lie open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from cases.blinding import may_see_statements, statements_visible_to
from cases.models import Adjudication, Case, Draft, FirstRead, Review
from cases.permissions import Action, within

if TYPE_CHECKING:
    from uuid import UUID

    from cases.permissions import Person
    from portal.accounts.models import User


def reviews_of(user: Person, case: Case, *, lie_open: bool | None = None) -> QuerySet[Review]:
    """The user's own reviews of the case, and those of others once they lie open; amended ones too, newest
    first.

    lie_open: what `may_see_statements` has said of the case, where that was asked already.
    """
    if lie_open is None:
        lie_open = may_see_statements(user, case)
    said = Review.objects.filter(case=case) if lie_open else own_reviews_of(user, case)
    return (
        said.select_related("reader", "prediction", "amended_by")
        .prefetch_related("prediction__model_version")
        .order_by("-created_at", "-id")
    )


def own_reviews_of(user: Person, case: Case) -> QuerySet[Review]:
    """The user's own reviews of the case, amended ones too, newest first; none for who may not read there."""
    return Review.objects.filter(_own(user), case=case).order_by("-created_at", "-id")


def review_visible_to(user: Person, review_id: UUID) -> Review:
    """The review of this id; Review.DoesNotExist where it does not lie open before the user."""
    return (
        Review.objects.filter(_own(user) | statements_visible_to(user, "case__"))
        .select_related("case__cohort", "prediction__model_version", "prediction__image")
        .get(pk=review_id)
    )


def _own(user: Person) -> Q:
    return Q(reader=user.pk) & within(user, Action.READ, "case__")


def own_current_review(user: User, case: Case) -> Review | None:
    """The user's own review of the case, as last amended."""
    said = own_reviews_of(user, case).select_related("reader", "prediction", "amended_by")
    return said.prefetch_related("prediction__model_version").filter(amended_by__isnull=True).first()


def own_first_read(user: User, case: Case) -> FirstRead | None:
    """What the user committed of the case before the network's result was shown."""
    return FirstRead.objects.filter(case=case, reader=user).first()


def first_reads_of(user: User, case: Case) -> QuerySet[FirstRead]:
    """The user's own first read of the case, and those of others once they lie open; the newest first."""
    said = FirstRead.objects.filter(case=case)
    if not may_see_statements(user, case):
        said = said.filter(_own(user))
    return said.select_related("case").order_by("-created_at", "-id")


def own_draft(user: User, case: Case) -> Draft | None:
    """What the user has typed of the case, or submitted so that it can still be undone."""
    return Draft.objects.filter(case=case, reader=user).select_related("prediction").first()


def adjudication_of(case: Case) -> Adjudication | None:
    """The decision on a case whose readers differed, for whom `may_see_statements` says that it lies open."""
    return Adjudication.objects.filter(case=case).select_related("adjudicator").first()
