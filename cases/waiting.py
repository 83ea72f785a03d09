"""Which cases wait for a reader, and which of them comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict

from django.db.models import Case as When_
from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from cases.lifecycle import UNREAD_STATES, DraftState, ReadingOrder
from cases.models import Assignment, Case, Claim, Draft, FirstRead, Prediction, Review
from cases.permissions import reading_cohorts, visible_to
from cases.results import can_stand

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    from cases.permissions import Person
    from portal.accounts.models import User

    class Place(TypedDict):
        """What `in_reading_order` adds to a case."""

        urgency: int
        place: int

    PlacedCase: TypeAlias = WithAnnotations[Case, Place]

# Counting on behind this number tells a reader nothing more.
COUNTED = 1000


def awaiting_review(user: Person) -> QuerySet[PlacedCase]:
    """The analysed cases that wait for this user's reading, in the order of their protocols.

    Left out: what the user has reviewed or submitted, what others fill by reads and live claims, and what is
    assigned to others only.
    """
    own = {"case": OuterRef("pk"), "reader": user.pk}
    submitted = Draft.objects.filter(**own, state=DraftState.PRELIMINARY)
    assigned = Assignment.objects.filter(case=OuterRef("pk"))
    begun_by_me = Exists(FirstRead.objects.filter(**own))
    waiting = (
        visible_to(user)
        .filter(reading_cohorts(user), state__in=UNREAD_STATES)
        .filter(Exists(can_stand(Prediction.objects.filter(image__case=OuterRef("pk")))))
        .exclude(Exists(Review.objects.filter(**own)))
        .exclude(Exists(submitted))
        .filter(~Exists(assigned) | Exists(assigned.filter(reader=user.pk)))
        .filter(begun_by_me | Q(pk__in=_with_a_free_slot(user)))
    )
    return in_reading_order(waiting)


def _with_a_free_slot(user: Person) -> QuerySet[Any, Any]:
    """Keys of cases that other people do not fill. A reader who has committed and reviewed counts once."""
    of_case = {"case": OuterRef("pk")}
    live = Claim.objects.filter(**of_case, expires_at__gt=timezone.now()).exclude(reader=user.pk)
    # Here the row itself is the outer one: who has committed is counted by the commit already.
    committed = Exists(FirstRead.objects.filter(case=OuterRef("case"), reader=OuterRef("reader")))
    taken = (
        _number(FirstRead.objects.filter(**of_case))
        + _number(Review.objects.filter(~committed, **of_case, amends__isnull=True))
        + _number(Draft.objects.filter(~committed, **of_case, state=DraftState.PRELIMINARY))
        + _number(live.exclude(committed))
    )
    wanted = Coalesce("protocol__readers_required", "cohort__readers_required")
    return Case.objects.annotate(taken=taken).filter(taken__lt=wanted).values("pk")


def _number(rows: QuerySet[FirstRead] | QuerySet[Review] | QuerySet[Draft] | QuerySet[Claim]) -> Coalesce:
    counted = rows.order_by().values("case").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def in_reading_order(cases: QuerySet[Case]) -> QuerySet[PlacedCase]:
    """Order cases as their protocols say; cohorts in random order come first, by the drawn places."""
    return cases.annotate(
        urgency=_where(ReadingOrder.PRIORITY, F("priority")),
        place=_where(ReadingOrder.RANDOM, F("shuffle")),
    ).order_by("-urgency", "place", "created_at", "id")


def _where(order: ReadingOrder, value: F) -> When_:
    return When_(
        When(
            Q(protocol__isnull=True, cohort__reading_order=order) | Q(protocol__reading_order=order),
            then=value,
        ),
        default=Value(0),
        output_field=IntegerField(),
    )


def next_case(user: User, after: Case | None = None) -> Case | None:
    """The first case that waits for this user's reading, beginning behind `after`.

    It wraps round to the beginning, so that nothing is left over at the end.
    """
    waiting = awaiting_review(user)
    if after is None:
        return waiting.first()
    others = waiting.exclude(pk=after.pk)
    here = in_reading_order(Case.objects.filter(pk=after.pk)).get()
    behind = Q(urgency__lt=here.urgency) | Q(urgency=here.urgency) & (
        Q(place__gt=here.place)
        | Q(place=here.place, created_at__gt=here.created_at)
        | Q(place=here.place, created_at=here.created_at, id__gt=here.pk)
    )
    return others.filter(behind).first() or others.first()


def number_waiting(user: Person) -> int:
    """How many cases wait for this user's reading; COUNTED where there are as many or more."""
    return awaiting_review(user).order_by()[:COUNTED].count()
