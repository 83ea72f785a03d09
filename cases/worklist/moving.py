"""Moving cases to another cohort, as far as no reader learns, or has learnt, what the protocol hides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases.lifecycle import CaseState, Reading
from cases.models import (
    Assignment,
    Case,
    Claim,
    Cohort,
    Draft,
    FirstRead,
    Image,
    Membership,
    OriginalReference,
    TeachingRead,
)
from cases.permissions import Action, require, roles_with
from cases.turns import turn_of_cohort, wait_for_turn
from cases.worklist.bulk import Act, Reasons, keys_of

if TYPE_CHECKING:
    from uuid import UUID

    from cases.audit import Detail
    from portal.accounts.models import User


@dataclass(frozen=True)
class Move(Act):
    """Move cases that nobody has begun to read, between cohorts that are read in the same way."""

    cohort: Cohort

    name = "move"
    action = "case.moved"

    def require(self, by: User) -> None:
        require(by, Action.MANAGE, self.cohort)
        # As for an upload: one that was deleted takes no more, and would delete what comes (cases/deletion).
        require(by, Action.UPLOAD, self.cohort)

    def hold(self, by: User) -> None:
        wait_for_turn(turn_of_cohort(self.cohort.pk))
        require(by, Action.UPLOAD, Cohort.objects.get(pk=self.cohort.pk))

    def left_out(self, cases: Sequence[Case]) -> Reasons:
        begun = _begun(cases)
        seen = self._cohorts_whose_administrators_read_here({case.cohort_id for case in cases})
        target = {"cohort": self.cohort.name, "reading": self.cohort.get_reading_display()}
        reasons: Reasons = {}
        for case in cases:
            if case.cohort_id == self.cohort.pk:
                reasons[case.pk] = _t("They are in “%(cohort)s” already.") % target
            elif case.state != CaseState.OPEN or case.protocol_id or case.pk in begun:
                reasons[case.pk] = _t("Their reading has begun.")
            elif case.is_sentinel:
                reasons[case.pk] = _t("They are sentinels: take their marks off first.")
            elif case.cohort.reading != self.cohort.reading:
                # Who saw the result of an AI-first case could read it “blinded”; and the other way round.
                reasons[case.pk] = _t("“%(cohort)s” is read in another way: %(reading)s.") % target
            elif case.key_class and case.cohort_id in seen:
                reasons[case.pk] = (
                    _t("Administrators of their cohort, who see its results, read in “%(cohort)s”.") % target
                )
        return reasons | self._twins([case for case in cases if case.pk not in reasons])

    def notes(self, cases: Sequence[Case]) -> list[str]:
        notes = [
            _t("They are read by the people and under the protocol of “%(cohort)s” from then on.")
            % {"cohort": self.cohort.name}
        ]
        given = Assignment.objects.filter(case__in=keys_of(cases)).values("case").distinct().count()
        if given:
            notes.append(
                _t("Of these, %(n)d are given to a reader; they will be given to nobody.") % {"n": given}
            )
        return notes

    def carry_out(self, by: User, cases: Sequence[Case]) -> None:
        of_these = {"case__in": keys_of(cases)}
        Assignment.objects.filter(**of_these).delete()
        Claim.objects.filter(**of_these).delete()
        if not self.cohort.keeps_originals:
            OriginalReference.objects.filter(image__case__in=keys_of(cases)).delete()
        Image.objects.filter(**of_these).update(cohort=self.cohort)
        Case.objects.filter(pk__in=keys_of(cases)).update(cohort=self.cohort)

    def details(self) -> dict[str, Detail]:
        return {"to": str(self.cohort.pk)}

    def _cohorts_whose_administrators_read_here(self, sources: set[UUID]) -> set[UUID]:
        """Those of the cohorts whose administrators would read blinded here what they may have seen there."""
        if self.cohort.reading != Reading.BLINDED:
            return set()
        readers = Membership.objects.filter(
            Q(role__in=roles_with(Action.REVIEW)) & ~Q(role__in=roles_with(Action.MANAGE)), cohort=self.cohort
        )
        seers = Membership.objects.filter(
            role__in=roles_with(Action.MANAGE), cohort__in=sources, user__in=readers.values("user")
        )
        return set(seers.values_list("cohort", flat=True))

    def _twins(self, cases: Sequence[Case]) -> Reasons:
        """Cases with an image that the target has already, or is about to get from a case before them."""
        digests: dict[UUID, list[tuple[str, int]]] = {}
        images = Image.objects.filter(case__in=keys_of(cases)).values_list("case", "source_sha256", "frame")
        for key, digest, frame in images:
            digests.setdefault(key, []).append((digest, frame))
        present = set(
            Image.objects.filter(
                cohort=self.cohort, source_sha256__in=[digest for _key, digest, _frame in images]
            ).values_list("source_sha256", "frame")
        )
        reason = _t("“%(cohort)s” has the same image already.") % {"cohort": self.cohort.name}
        reasons: Reasons = {}
        for case in cases:
            if present.isdisjoint(digests.get(case.pk, ())):
                present.update(digests.get(case.pk, ()))
            else:
                reasons[case.pk] = reason
        return reasons


def _begun(cases: Sequence[Case]) -> set[UUID]:
    """The cases of which somebody has said or typed something, or which somebody reads just now."""
    of_these = {"case__in": keys_of(cases)}
    live = Claim.objects.filter(**of_these, expires_at__gt=timezone.now())
    traces = (FirstRead.objects.filter(**of_these), Draft.objects.filter(**of_these), live)
    return {
        case
        for rows in (*traces, TeachingRead.objects.filter(**of_these))
        for case in rows.values_list("case", flat=True)
    }
