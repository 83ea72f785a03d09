"""The orders of the worklist, and one page of it in any of them.

An order is a few ranks, one behind the other, within each of which an index holds the order. What the
network's certainty is takes part only where it lies open: the other cases come behind, by age.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db.models import Case as When_
from django.db.models import F, IntegerField, Q, QuerySet, Subquery, TextChoices, Value, When
from django.utils.translation import gettext_lazy as _

from cases.blinding import openly_read, own_openings, results_visible_to
from cases.lifecycle import CaseState, Priority
from cases.models import Case
from cases.permissions import visible_to
from cases.worklist import keyset
from cases.worklist.filters import WorklistFilter, filtered_cases
from cases.worklist.keyset import BY_AGE, Dress, Listed, Page, Place, cut, first_rows, ordering

if TYPE_CHECKING:
    from uuid import UUID

    from cases.permissions import Person

# Above so many, one sorted query is the cheaper way; only the operator is in so many cohorts.
MANY_PARTS = 60


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
    is_of_results: bool = False  # whether only cases of which the result lies open are in it


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

    def behind(self, place: Place) -> list[tuple[_Rank, Any]]:
        """The ranks that go on behind `place`, each with the condition."""
        at = len(self.ranks) - 1 - place.rank if place.backwards else place.rank
        rank, *later = self.ranks[at:]
        here = keyset.after(Case, rank.columns, place.values, descending=self.descending)
        return [(rank, here), *((each, Q()) for each in later)]


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
            first = _Rank(known, ("key_probability", *BY_AGE), is_of_results=True)
            ranks = (first, _Rank(~known, BY_AGE))
            return Order(ranks, ("certainty", *BY_AGE), descending, shown=known)
        case _:
            return _ranked([Q()], descending=descending)


def _ranked(conditions: list[Q], *, descending: bool) -> Order:
    return Order(tuple(_Rank(where, BY_AGE) for where in conditions), BY_AGE, descending)


def place_of(user: Person, sort: Sort, *, after: str = "", before: str = "") -> Place | None:
    """Where a page begins under this sort: behind the case of one code, or before that of the other; None,
    for the beginning, where neither is given, or the user sees no such case.
    """
    if not (before or after):
        return None
    order = order_of(user, sort)
    here: Any = order.sorted(visible_to(user).filter(code=before or after)).first()
    if here is None:
        return None
    values = tuple(getattr(here, name) for name in order.ranks[here.rank].columns)
    return Place(values, backwards=bool(before), rank=here.rank)


def page_of(
    user: Person,
    filters: WorklistFilter,
    sort: Sort,
    place: Place | None,
    size: int,
    *,
    cohorts: Sequence[UUID],
    dressed: Dress[Listed],
) -> Page[Listed]:
    """One page of the user's worklist. `cohorts` are those whose cases the user sees; `dressed` adds to a
    query of cases what is shown of each.
    """
    order = order_of(user, sort)
    if place is not None and place.backwards:
        order = order.turned_round
    ranks = [(rank, Q()) for rank in order.ranks] if place is None else order.behind(place)
    if filters.asks_for_results:
        ranks = [(replace(rank, is_of_results=True), where) for rank, where in ranks]
    parts = _parts(user, filtered_cases(user, filters), ranks, order.descending, _cohorts(filters, cohorts))
    return cut(order.sorted(first_rows(parts, size + 1)), place, size, dressed)


def _cohorts(filters: WorklistFilter, cohorts: Sequence[UUID]) -> Sequence[UUID]:
    return [filters.cohort.pk] if filters.cohort else cohorts


def _parts(
    user: Person,
    cases: QuerySet[Case],
    ranks: list[tuple[_Rank, Any]],
    descending: bool,
    cohorts: Sequence[UUID],
) -> list[QuerySet[Case]]:
    """The list in parts, each in the order of an index."""
    is_split = len(cohorts) * len(ranks) <= MANY_PARTS
    return [
        cases.filter(share, rank.where).filter(where).order_by(*ordering(rank.columns, descending=descending))
        for rank, where in ranks
        for share in _shares(user, rank, cohorts if is_split else ())
    ]


def _shares(user: Person, rank: _Rank, cohorts: Sequence[UUID]) -> list[Q]:
    """One a cohort, or the whole, where there are none.

    Results are looked for in whole cohorts where they lie open. Where they do not, the few that the user has
    opened are found by the own reads, and not by a walk through a cohort of which nothing may be shown.
    """
    if not cohorts or not rank.is_of_results:
        return [Q(cohort=cohort) for cohort in cohorts] or [Q()]
    # No cohort at all, where it is none of these: its index is not walked then.
    openly = openly_read(user).values("pk")
    whole = [Q(cohort=Subquery(openly.filter(pk=cohort)[:1])) for cohort in cohorts]
    return [*whole, *own_openings(user)]
