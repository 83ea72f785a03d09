"""One act on many cases: what it would do, said before anything changes, and then done in one transaction.

An act sorts out the cases that it leaves as they are, each with a sentence that says why. The same question
is asked again when it is carried out, with the rows locked: what has changed meanwhile is left out then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _t

from cases import audit
from cases.models import Case
from cases.permissions import Action, cohorts_where, visible_to

if TYPE_CHECKING:
    from portal.accounts.models import User

# So many cases at the most are confirmed at once: one transaction, and a list that somebody can look at.
MOST = 10_000

Reasons: TypeAlias = dict[UUID, str]


class Act(ABC):
    """Something that an administrator does with cases of the own cohorts."""

    name: ClassVar[str]
    action: ClassVar[str]  # as the audit calls it

    @abstractmethod
    def left_out(self, cases: Sequence[Case]) -> Reasons:
        """Why some of the cases stay as they are, by case."""

    @abstractmethod
    def carry_out(self, by: User, cases: Sequence[Case]) -> None:
        """Do it; takes for granted that the rows are locked and none of them is to be left out."""

    def require(self, by: User) -> None:  # noqa: B027 - most acts ask for no more than their cases
        """Raise PermissionDenied where `by` may not do this at all, whatever the cases."""

    def hold(self, by: User) -> None:  # noqa: B027 - most acts change nothing but their cases
        """Keep what the act counts on as it is until the transaction ends, before any case is locked, and ask
        once more what `require` asks of it.
        """

    def notes(self, cases: Sequence[Case]) -> list[str]:
        """What else comes of it, in sentences."""
        return []

    def details(self) -> dict[str, audit.Detail]:
        """What the audit keeps beside the case."""
        return {}


@dataclass(frozen=True)
class LeftOut:
    """Cases that stay as they are for one and the same reason."""

    reason: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class BulkPlan:
    """What an act does with the chosen cases."""

    cases: tuple[Case, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def plan(*, by: User, act: Act, codes: Sequence[str]) -> BulkPlan:
    """What `carry_out` would do now; changes nothing. Cases that `by` does not see are none."""
    act.require(by)
    return _planned(by, act, _chosen(by, codes))


def carry_out(*, by: User, act: Act, codes: Sequence[str]) -> BulkPlan:
    """Do it with all cases that it can be done with; return what was done, and what was left out."""
    act.require(by)
    with transaction.atomic():
        act.hold(by)
        # One order for everybody, so that two who lock many cases never wait for each other.
        locked = _chosen(by, codes).select_for_update(of=("self",)).order_by("pk")
        done = _planned(by, act, locked)
        if done.cases:
            act.carry_out(by, done.cases)
            details = act.details() | {"batch": str(uuid4()), "of": len(done.cases)}
            audit.record_each(by=by, action=act.action, cases=done.cases, details=details)
    return done


def _chosen(by: User, codes: Sequence[str]) -> QuerySet[Case]:
    return visible_to(by).filter(code__in=codes[:MOST]).select_related("cohort").order_by("code")


def _planned(by: User, act: Act, chosen: QuerySet[Case]) -> BulkPlan:
    managed = set(cohorts_where(by, Action.MANAGE).values_list("pk", flat=True))
    cases = list(chosen)
    ours = [case for case in cases if case.cohort_id in managed]
    not_ours = _t("You do not administer their cohort.")
    reasons = {case.pk: not_ours for case in cases if case.cohort_id not in managed} | act.left_out(ours)
    by_reason: dict[str, list[str]] = {}
    for case in cases:
        if case.pk in reasons:
            by_reason.setdefault(reasons[case.pk], []).append(case.code)
    done = tuple(case for case in cases if case.pk not in reasons)
    left_out = tuple(LeftOut(reason, tuple(codes)) for reason, codes in by_reason.items())
    return BulkPlan(done, left_out, tuple(act.notes(done)))


def keys_of(cases: Sequence[Case]) -> list[UUID]:
    """The keys of the cases."""
    return [case.pk for case in cases]
