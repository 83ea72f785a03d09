"""Which cases wait for a reader, and which of them comes next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.db.models import Case as When_
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThan, LessThan
from django.utils import timezone

from cases.lifecycle import CaseState, DraftState, Priority, ReadingOrder
from cases.models import Assignment, Case, Claim, Draft, FirstRead, Review
from cases.models.case import READY
from cases.models.first_read import not_knowing
from cases.permissions import Action, cohorts_where, reading_cohorts, visible_to
from cases.worklist import keyset
from cases.worklist.keyset import first_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models.expressions import CombinedExpression
    from django_stubs_ext import WithAnnotations

    from cases.permissions import Person
    from portal.accounts.models import User

    class PlaceInOrder(TypedDict):
        """What `in_reading_order` adds to a case."""

        urgency: int
        place: int

    PlacedCase: TypeAlias = WithAnnotations[Case, PlaceInOrder]


# How many cases are looked at for whether they wait, at first and at the most.
FIRST_LOOK, LARGEST_LOOK = 32, 8192


def waits_for(user: Person, cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those of the cases that wait for this user's reading: analysed, and not read by all.

    Left out: what the user has reviewed or submitted, what others fill by reads and live claims, and what is
    assigned to others only.
    """
    own = {"case": OuterRef("pk"), "reader": user.pk}
    submitted = Draft.objects.filter(**own, state=DraftState.PRELIMINARY)
    assigned = Assignment.objects.filter(case=OuterRef("pk"))
    begun_by_me = Exists(FirstRead.objects.filter(**own))
    has_a_free_slot = LessThan(
        _taken_by_others(user), Coalesce("protocol__readers_required", "cohort__readers_required")
    )
    return cases.filter(
        READY,
        reading_cohorts(user),
        ~Exists(Review.objects.filter(**own)),
        ~Exists(submitted),
        ~Exists(assigned) | Exists(assigned.filter(reader=user.pk)),
        Q(begun_by_me) | Q(has_a_free_slot),
    )


def _taken_by_others(user: Person) -> CombinedExpression:
    """How many slots of a case other people fill. A reader who has committed and reviewed counts once."""
    of_case = {"case": OuterRef("pk")}
    live = Claim.objects.filter(**of_case, expires_at__gt=timezone.now()).exclude(reader=user.pk)
    # Here the row itself is the outer one: who has committed is counted by the commit already.
    committed = Exists(FirstRead.objects.filter(case=OuterRef("case"), reader=OuterRef("reader")))
    return (
        _number(FirstRead.objects.filter(not_knowing(), **of_case))
        # By constraint only amendments have a reason. Asked for “amends nothing”, SQLite looks through the
        # reviews of all cases, by the index of that column.
        + _number(Review.objects.filter(~committed, **of_case, reason="", is_remark=False))
        + _number(Draft.objects.filter(~committed, **of_case, state=DraftState.PRELIMINARY))
        + _number(live.exclude(committed))
    )


def _number(rows: QuerySet[FirstRead] | QuerySet[Review] | QuerySet[Draft] | QuerySet[Claim]) -> Subquery:
    # As a plain function, which groups nothing: all of them are of one case.
    count = Func(F("pk"), function="COUNT", output_field=IntegerField())
    return Subquery(rows.order_by().annotate(n=count).values("n"), output_field=IntegerField())


def in_reading_order(cases: QuerySet[Case]) -> QuerySet[PlacedCase]:
    """Order cases as their protocols say: urgent ones of cohorts that go by priority, then what is read
    oldest first, then what is read in random order, by the drawn places.
    """
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


@dataclass(frozen=True)
class _Queue:
    """Cases of one cohort whose order of reading is that of one index."""

    cases: Q
    urgency: int = 0
    is_random: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """What it is ordered by."""
        return ("shuffle", "created_at", "id") if self.is_random else ("created_at", "id")

    def behind(self, here: PlacedCase) -> GreaterThan | LessThan | Q | None:
        """The condition that cases of the queue come behind `here`; None where all of them come before."""
        if self.urgency != here.urgency:
            return Q() if self.urgency < here.urgency else None
        if self.is_random:
            return keyset.after(Case, self.columns, (here.place, here.created_at, here.pk), descending=False)
        if here.place:
            return None
        return keyset.after(Case, self.columns, (here.created_at, here.pk), descending=False)


def _queues(user: Person) -> list[_Queue]:
    """The queues of the cohorts that the user reads.

    A case whose reading has begun keeps the order of its own version of the protocol.
    """
    orders: dict[tuple[UUID, str], tuple[bool, list[UUID]]] = {}
    versions = cohorts_where(user, Action.REVIEW).order_by("pk", "protocols__pk")
    columns = ("pk", "reading_order", "protocols__pk", "protocols__reading_order")
    rows: Iterable[tuple[UUID, str, UUID | None, str]] = versions.values_list(*columns)
    for cohort, newest, version, order in rows:
        orders.setdefault((cohort, newest), (True, []))
        if version is not None:
            orders.setdefault((cohort, order), (False, []))[1].append(version)
    return [
        queue
        for (cohort, order), (is_newest, begun) in orders.items()
        for queue in _queues_of(ReadingOrder(order), _read_under(cohort, is_newest, begun))
    ]


def _read_under(cohort: UUID, is_newest: bool, begun: list[UUID]) -> Q:
    """The cases of the cohort that are read under one of these versions, or, not begun, under its newest."""
    of_versions = Q(protocol__in=begun)
    return Q(cohort=cohort) & (of_versions | Q(protocol__isnull=True) if is_newest else of_versions)


def _queues_of(order: ReadingOrder, cases: Q) -> list[_Queue]:
    if order == ReadingOrder.PRIORITY:
        urgent_first = sorted(Priority.values, reverse=True)
        return [_Queue(cases & Q(priority=priority), urgency=priority) for priority in urgent_first]
    return [_Queue(cases, is_random=order == ReadingOrder.RANDOM)]


def next_case(user: User, after: Case | None = None) -> Case | None:
    """The first case that waits for this user's reading, beginning behind `after`.

    It wraps round to the beginning, so that nothing is left over at the end.
    """
    queues = _queues(user)
    if after is None:
        return _first(user, queues)
    here = in_reading_order(Case.objects.filter(pk=after.pk)).get()
    return _first(user, queues, here) or _first(user, queues, but=after)


def _first(
    user: Person, queues: list[_Queue], here: PlacedCase | None = None, but: Case | None = None
) -> Case | None:
    """The first waiting case behind `here`.

    Whether a case waits is asked for some at a time: nearly always one of the first ones does.
    """
    number = FIRST_LOOK
    while True:
        ready = _ready(queues, here, number)
        keys = [case.pk for case in ready if case != but]
        waiting = set(waits_for(user, visible_to(user).filter(pk__in=keys)).values_list("pk", flat=True))
        found = next((case for case in ready if case.pk in waiting), None)
        if found is not None or len(ready) < number:
            return found
        here, number = ready[-1], min(number * 8, LARGEST_LOOK)


def _ready(queues: list[_Queue], here: PlacedCase | None, number: int) -> list[PlacedCase]:
    """The first so many cases of the queues behind `here`, whoever they wait for."""
    parts = []
    for queue in queues:
        where = Q() if here is None else queue.behind(here)
        if where is not None:
            cases = Case.objects.filter(READY, queue.cases).filter(where)
            parts.append(cases.order_by(*queue.columns))
    return list(in_reading_order(first_rows(parts, number))[:number])


def awaiting_adjudication(user: User) -> QuerySet[Case]:
    """The disputed cases that the user is named to decide, and has submitted no decision of, oldest first."""
    own = {"case": OuterRef("pk"), "reader": user.pk}
    submitted = Exists(Draft.objects.filter(**own, state=DraftState.PRELIMINARY))
    disputed = visible_to(user).filter(~submitted, state=CaseState.DISPUTED, protocol__adjudicator=user.pk)
    return disputed.exclude(reviews__reader=user.pk).order_by("created_at", "id")
