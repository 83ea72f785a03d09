"""What an administrator does with many cases at once: who reads them, how soon, and whether at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases.analysis import jobs, key_result
from cases.analysis.results import current_jobs_first
from cases.batches import BATCH_SIZE
from cases.blinding import OVER
from cases.lifecycle import (
    ENDED_WITHOUT_RESULT,
    UNREAD_STATES,
    CaseState,
    DraftState,
    Priority,
    case_states_before,
)
from cases.models import Assignment, Case, Claim, Draft, Job, Review
from cases.permissions import reading_cohorts
from cases.worklist.bulk import Act, Reasons, keys_of

if TYPE_CHECKING:
    from uuid import UUID

    from cases.audit import Detail
    from portal.accounts.models import User


@dataclass(frozen=True)
class Assign(Act):
    """Give cases to a reader, beside those who have them already."""

    reader: User

    name = "assign"
    action = "case.assigned"

    def left_out(self, cases: Sequence[Case]) -> Reasons:
        keys = keys_of(cases)
        reads = set(
            Case.objects.filter(reading_cohorts(self.reader), pk__in=keys).values_list("pk", flat=True)
        )
        own = {"case__in": keys, "reader": self.reader}
        has = set(Assignment.objects.filter(**own).values_list("case", flat=True))
        said = set(Review.objects.filter(**own).values_list("case", flat=True))
        reader = {"reader": self.reader}
        reasons: Reasons = {}
        for case in cases:
            if case.state not in UNREAD_STATES:
                reasons[case.pk] = _t("They wait for no reader any more.")
            elif case.pk not in reads:
                reasons[case.pk] = _t("%(reader)s does not read them.") % reader
            elif case.pk in said:
                reasons[case.pk] = _t("%(reader)s has read them already.") % reader
            elif case.pk in has:
                reasons[case.pk] = _t("%(reader)s has them already.") % reader
        return reasons

    def notes(self, cases: Sequence[Case]) -> list[str]:
        return [_t("A case that is given to somebody is offered to nobody else any more.")]

    def carry_out(self, by: User, cases: Sequence[Case]) -> None:
        Assignment.objects.bulk_create(
            (Assignment(case=case, reader=self.reader, assigned_by=by) for case in cases),
            batch_size=BATCH_SIZE,
        )

    def details(self) -> dict[str, Detail]:
        return {"reader": str(self.reader.pk)}


def who_can_be_given(cases: QuerySet[Case], readers: Iterable[User]) -> list[UUID]:
    """Those of the readers to whom `Assign` would give at least one of the cases."""
    unread = cases.filter(state__in=UNREAD_STATES)
    return [reader.pk for reader in readers if _left_for(reader, unread).exists()]


def _left_for(reader: User, cases: QuerySet[Case]) -> QuerySet[Case]:
    own = {"reader": reader.pk}
    return cases.filter(
        reading_cohorts(reader),
        ~Q(pk__in=Review.objects.filter(**own).values("case")),
        ~Q(pk__in=Assignment.objects.filter(**own).values("case")),
    )


@dataclass(frozen=True)
class TakeAway(Act):
    """Take cases away from a reader, or from all whom they are given to."""

    reader: User | None

    name = "take-away"
    action = "case.assignment_ended"

    def left_out(self, cases: Sequence[Case]) -> Reasons:
        given = Assignment.objects.filter(case__in=keys_of(cases))
        if self.reader is not None:
            given = given.filter(reader=self.reader)
        has = set(given.values_list("case", flat=True))
        reason = _t("They are not given to them.") if self.reader else _t("They are given to nobody.")
        return {case.pk: reason for case in cases if case.pk not in has}

    def notes(self, cases: Sequence[Case]) -> list[str]:
        return [_t("A case that is given to nobody is offered to every reader of its cohort.")]

    def carry_out(self, by: User, cases: Sequence[Case]) -> None:
        given = Assignment.objects.filter(case__in=keys_of(cases))
        (given.filter(reader=self.reader) if self.reader else given).delete()

    def details(self) -> dict[str, Detail]:
        return {"reader": str(self.reader.pk) if self.reader else None}


@dataclass(frozen=True)
class SetPriority(Act):
    """Say how soon cases are to be read."""

    priority: Priority

    name = "priority"
    action = "case.priority_set"

    def left_out(self, cases: Sequence[Case]) -> Reasons:
        reasons: Reasons = {}
        for case in cases:
            if case.state in OVER:
                reasons[case.pk] = _t("They are read or closed.")
            elif case.priority == self.priority:
                reasons[case.pk] = _t("They have this priority already.")
        return reasons

    def notes(self, cases: Sequence[Case]) -> list[str]:
        return [
            _t("Cohorts that are read by priority offer urgent cases first; the others keep their order.")
        ]

    def carry_out(self, by: User, cases: Sequence[Case]) -> None:
        Case.objects.filter(pk__in=keys_of(cases)).update(priority=self.priority)

    def details(self) -> dict[str, Detail]:
        return {"priority": int(self.priority)}


class Requeue(Act):
    """Have failed and cancelled analyses tried again."""

    name = "requeue"
    action = "case.requeued"

    def left_out(self, cases: Sequence[Case]) -> Reasons:
        ended = _ended_jobs(cases)
        reason = _t("Their analysis has not failed and was not cancelled.")
        return {case.pk: reason for case in cases if case.pk not in ended}

    def notes(self, cases: Sequence[Case]) -> list[str]:
        return [_t("Each analysis begins anew, with fresh attempts.")]

    def carry_out(self, by: User, cases: Sequence[Case]) -> None:
        keys = [key for found in _ended_jobs(cases).values() for key in found]
        jobs.queue_again(Job.objects.filter(pk__in=keys))
        key_result.refresh(Case.objects.filter(pk__in=keys_of(cases)))


def _ended_jobs(cases: Sequence[Case]) -> dict[UUID, list[UUID]]:
    """The failed and cancelled jobs by case, of the version whose analysis stands for the case."""
    rows = current_jobs_first(Job.objects.filter(image__case__in=keys_of(cases)))
    standing: dict[UUID, UUID] = {}
    ended: dict[UUID, list[UUID]] = {}
    for key, case, version, status in rows.values_list("pk", "image__case", "model_version", "status"):
        if standing.setdefault(case, version) == version and status in ENDED_WITHOUT_RESULT:
            ended.setdefault(case, []).append(key)
    return ended


class Close(Act):
    """Take cases out of reading, for good."""

    name = "close"
    action = "case.closed"

    def left_out(self, cases: Sequence[Case]) -> Reasons:
        of_these = {"case__in": keys_of(cases)}
        submitted = Draft.objects.filter(**of_these, state=DraftState.PRELIMINARY)
        waiting = set(submitted.values_list("case", flat=True))
        claimed = Claim.objects.filter(**of_these, expires_at__gt=timezone.now())
        read_now = set(claimed.values_list("case", flat=True))
        before = case_states_before(CaseState.CLOSED)
        reasons: Reasons = {}
        for case in cases:
            if case.state not in before:
                reasons[case.pk] = _t("They are read or closed already.")
            elif case.pk in waiting:
                reasons[case.pk] = _t("A reader has submitted a review that becomes final within minutes.")
            elif case.pk in read_now:
                reasons[case.pk] = _t("Somebody is reading them just now.")
        return reasons

    def notes(self, cases: Sequence[Case]) -> list[str]:
        begun = sum(case.state != CaseState.OPEN for case in cases)
        notes = [_t("A closed case is read no more, and is never opened again. What was said of it stays.")]
        if begun:
            notes.append(_t("Of these, %(n)d were read by somebody, and not yet by all.") % {"n": begun})
        return notes

    def carry_out(self, by: User, cases: Sequence[Case]) -> None:
        Case.objects.filter(pk__in=keys_of(cases), state__in=case_states_before(CaseState.CLOSED)).update(
            state=CaseState.CLOSED
        )
