"""What a worklist can be narrowed to of what readers said: for the administrators of a study, who follow a
figure to the cases behind it.

All of it is asked of one and the same review, as it stands for the study. A filter that asks for the known
class as well tells accuracy, and holds only where figures are open (cases/interim.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, TextChoices
from django.utils.translation import gettext_lazy as _

from cases.blinding import results_visible_to, statements_visible_to
from cases.interim import open_to
from cases.models import FirstRead, Review
from cases.models.first_read import read_blind
from cases.models.review import standing
from cases.permissions import Action, cohorts_where

if TYPE_CHECKING:
    from uuid import UUID

    from cases.permissions import Person


class Discordance(TextChoices):
    """Who of those that have judged a case differ."""

    READERS = "readers", _("Readers differ")
    NETWORK = "network", _("A reader and the network differ")


class Changed(TextChoices):
    """What became of a blind first read once the network's result was shown."""

    ANY = "any", _("To another class")
    TO_RIGHT = "to_right", _("From wrong to right")
    TO_WRONG = "to_wrong", _("From right to wrong")
    OTHER_WRONG = "other_wrong", _("From one wrong class to another")
    KEPT = "kept", _("Not changed")


@dataclass(frozen=True)
class StatementFilter:
    """What was said of a case; an empty value narrows nothing. known_class: of the case itself."""

    verdict: str = ""
    read_class: str = ""
    reader: UUID | None = None
    discordance: str = ""
    changed: str = ""
    known_class: str = ""

    @property
    def asks(self) -> bool:
        """Whether it narrows anything."""
        return self != StatementFilter()

    @property
    def asks_for_truth(self) -> bool:
        """Whether what is left tells how right somebody was."""
        told = (Changed.TO_RIGHT, Changed.TO_WRONG, Changed.OTHER_WRONG)
        return bool(self.known_class) or self.changed in told


def where_said(user: Person, filters: StatementFilter) -> Q:
    """The condition on cases that the filter leaves, among those whose statements lie open before the user as
    an administrator.
    """
    managed = open_to(user) if filters.asks_for_truth else cohorts_where(user, Action.MANAGE)
    where = Q(cohort__in=managed) & statements_visible_to(user) & results_visible_to(user)
    if filters.known_class:
        where &= Q(ground_truth=filters.known_class)
    if filters.discordance == Discordance.READERS:
        where &= _readers_differ()
    if filters.verdict or filters.read_class or filters.reader or filters.changed:
        where &= Q(Exists(_of_one_review(filters)))
    if filters.discordance == Discordance.NETWORK:
        where &= Q(Exists(_standing().exclude(final_class=F("prediction__predicted_class"))))
    return where


def _standing() -> QuerySet[Review]:
    return Review.objects.filter(standing(), case=OuterRef("pk")).order_by()


def _readers_differ() -> Q:
    others = Review.objects.filter(standing(), case=OuterRef("case"))
    other = others.exclude(final_class=OuterRef("final_class"))
    return Q(Exists(_standing().filter(Exists(other))))


def _of_one_review(filters: StatementFilter) -> QuerySet[Any]:
    reviews: QuerySet[Any] = _standing()
    if filters.verdict:
        reviews = reviews.filter(verdict=filters.verdict)
    if filters.read_class:
        reviews = reviews.filter(final_class=filters.read_class)
    if filters.reader:
        reviews = reviews.filter(reader=filters.reader)
    if filters.changed:
        reviews = _changed(reviews, Changed(filters.changed))
    return reviews


def _changed(reviews: QuerySet[Any], changed: Changed) -> QuerySet[Any]:
    first = FirstRead.objects.filter(read_blind(), case=OuterRef("case"), reader=OuterRef("reader"))
    reviews = reviews.annotate(before=Subquery(first.values("read_class")[:1])).filter(before__isnull=False)
    truth = F("case__ground_truth")
    if changed == Changed.KEPT:
        return reviews.filter(before=F("final_class"))
    reviews = reviews.exclude(before=F("final_class"))
    if changed == Changed.ANY:
        return reviews
    reviews = reviews.exclude(case__ground_truth="")
    if changed == Changed.TO_RIGHT:
        return reviews.filter(final_class=truth)
    if changed == Changed.TO_WRONG:
        return reviews.filter(before=truth)
    return reviews.exclude(final_class=truth).exclude(before=truth)
