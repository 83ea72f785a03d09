"""The orders of the worklist, and one page of it in any of them.

An order is a few ranks, one behind the other, within each of which an index holds the order. What the
network's certainty is takes part only where it lies open: the other cases come behind, by age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db.models import Case as When_
from django.db.models import F, IntegerField, Q, QuerySet, TextChoices, Value, When
from django.utils.translation import gettext_lazy as _

from cases.blinding import results_visible_to
from cases.lifecycle import CaseState, Priority
from cases.permissions import visible_to
from cases.worklist.filters import WorklistFilter, filtered_cases
from cases.worklist.keyset import beyond, first_rows, ordering

if TYPE_CHECKING:
    from uuid import UUID

    from cases.models import Case
    from cases.permissions import Person

PAGE_SIZE = 50
# Above so many, one sorted query is the cheaper way; only the operator is in so many cohorts.
MANY_PARTS = 60
BY_AGE = ("created_at", "id")


class Sort(TextChoices):
    """What the worklist can be sorted by; the minus turns the order round."""

    NEWEST = "-received", _("newest first")
    OLDEST = "received", _("oldest first")
    URGENT = "-priority", _("most urgent first")
    ROUTINE = "priority", _("least urgent first")
    CODE = "code", _("by code")
    CODE_BACK = "-code", _("by code, from the end")
    STATE = "state", _("by state, open ones first")
    STATE_BACK = "-state", _("by state, open ones last")
    UNCERTAIN = "certainty", _("least certain first")
    CERTAIN = "-certainty", _("most certain first")


@dataclass(frozen=True)
class _Rank:
    """Cases that stand together in an order, and what they are ordered by among themselves."""

    where: Q
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Order:
    """Ranks one behind the other; all of them run in the same direction.

    `shown` is the condition under which the order looks at the network's certainty, if it does.
    """

    ranks: tuple[_Rank, ...]
    columns: tuple[str, ...]
    descending: bool
    shown: Q | None = None

    @property
    def turned_round(self) -> Order:
        """The same from its end."""
        return replace(self, ranks=self.ranks[::-1], descending=not self.descending)

    def sorted(self, cases: QuerySet[Any]) -> QuerySet[Any]:
        """The cases in this order, each with its `rank`; for few of them."""
        if self.shown is not None:
            cases = cases.annotate(certainty=When_(When(self.shown, then=F("key_probability")), default=None))
        whens = [When(rank.where, then=Value(place)) for place, rank in enumerate(self.ranks[:-1])]
        last = Value(len(whens))
        ranked = cases.annotate(
            rank=When_(*whens, default=last, output_field=IntegerField()) if whens else last
        )
        in_order: QuerySet[Any] = ranked.order_by("rank", *ordering(self.columns, descending=self.descending))
        return in_order

    def behind(self, here: Case, place: int) -> list[tuple[_Rank, Any]]:
        """The ranks that go on behind `here`, which stands in the rank `place`, each with the condition."""
        rank = self.ranks[place]
        values = [getattr(here, name) for name in rank.columns]
        rest = [(later, Q()) for later in self.ranks[place + 1 :]]
        return [(rank, beyond(rank.columns, values, descending=self.descending)), *rest]


def order_of(user: Person, sort: Sort) -> Order:
    """What the user sees under this sort."""
    descending = sort.startswith("-")
    match sort.removeprefix("-"):
        case "code":
            return Order((_Rank(Q(), ("code",)),), ("code",), descending)
        case "state":
            states = list(reversed(CaseState)) if descending else list(CaseState)
            return _ranked([Q(state=state) for state in states], descending=True)
        case "priority":
            urgencies = sorted(Priority.values, reverse=descending)
            return _ranked([Q(priority=urgency) for urgency in urgencies], descending=False)
        case "certainty":
            known = Q(key_probability__isnull=False) & results_visible_to(user)
            ranks = (_Rank(known, ("key_probability", *BY_AGE)), _Rank(~known, BY_AGE))
            return Order(ranks, ("certainty", *BY_AGE), descending, shown=known)
        case _:
            return _ranked([Q()], descending=descending)


def _ranked(conditions: list[Q], *, descending: bool) -> Order:
    return Order(tuple(_Rank(where, BY_AGE) for where in conditions), BY_AGE, descending)


@dataclass(frozen=True)
class Turn:
    """Where a page begins: behind one case, before one, or at the beginning where both are empty."""

    after: str = ""
    before: str = ""


@dataclass(frozen=True)
class Page:
    """One page: its cases in order, and whether there are others on either side."""

    cases: list[Any]
    has_previous: bool
    has_next: bool

    @property
    def first_code(self) -> str:
        """The code of the first case; empty on an empty page."""
        return self.cases[0].code if self.cases else ""

    @property
    def last_code(self) -> str:
        """The code of the last case; empty on an empty page."""
        return self.cases[-1].code if self.cases else ""


def page_of(
    user: Person,
    filters: WorklistFilter,
    sort: Sort,
    turn: Turn,
    *,
    cohorts: Sequence[UUID],
    dressed: Any,
) -> Page:
    """One page of the user's worklist. `cohorts` are those whose cases the user sees; `dressed` adds to a
    query of cases what a row shows of each.
    """
    order = order_of(user, sort)
    place = turn.before or turn.after
    here = _place(user, order, place) if place else None
    backwards = bool(turn.before) and here is not None
    walked = order.turned_round if backwards else order
    ranks = [(rank, Q()) for rank in walked.ranks]
    if here is not None:
        at = len(order.ranks) - 1 - here.rank if backwards else here.rank
        ranks = walked.behind(here, at)
    parts = _parts(filtered_cases(user, filters), ranks, walked.descending, _cohorts(filters, cohorts))
    found = list(walked.sorted(dressed(first_rows(parts, PAGE_SIZE + 1)))[: PAGE_SIZE + 1])
    has_more, cases = len(found) > PAGE_SIZE, found[:PAGE_SIZE]
    if backwards:
        return Page(cases[::-1], has_previous=has_more, has_next=True)
    return Page(cases, has_previous=here is not None, has_next=has_more)


def _place(user: Person, order: Order, code: str) -> Any:
    """The case that a page begins behind, with its rank; None where the user sees no such case."""
    return order.sorted(visible_to(user).filter(code=code)).first()


def _cohorts(filters: WorklistFilter, cohorts: Sequence[UUID]) -> Sequence[UUID]:
    return [filters.cohort.pk] if filters.cohort else cohorts


def _parts(
    cases: QuerySet[Case], ranks: list[tuple[_Rank, Any]], descending: bool, cohorts: Sequence[UUID]
) -> list[QuerySet[Case]]:
    """The list in parts, each in the order of an index."""
    is_split = len(cohorts) * len(ranks) <= MANY_PARTS
    shares = [Q(cohort=cohort) for cohort in cohorts] if is_split else [Q()]
    return [
        cases.filter(share, rank.where).filter(where).order_by(*ordering(rank.columns, descending=descending))
        for share in shares
        for rank, where in ranks
    ]
