"""What the teaching mode draws from, and the running score."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet

from cases.analysis.results import can_be_key
from cases.blinding import held_back_from
from cases.lifecycle import GateVerdict, Reading
from cases.models import Case, Cohort, Prediction, TeachingRead
from cases.permissions import Action, cohorts_where, under

if TYPE_CHECKING:
    from uuid import UUID

    from cases.permissions import Person
    from portal.accounts.models import User


@dataclass(frozen=True)
class Score:
    """Right answers over the draws: the reader's of all `n`, the network's of those that it `answered`.

    Of a picture that its input gate refuses the network's class is not shown, and so is no answer.
    `trained_on` of what it answered was in its training data, where its answer says little.
    """

    n: int
    reader: int
    answered: int
    network: int
    trained_on: int

    @property
    def unanswered(self) -> int:
        """The draws of which the network's class was not shown."""
        return self.n - self.answered


def teaching_cohorts(user: Person) -> QuerySet[Cohort]:
    """The cohorts in whose teaching the user may take part."""
    return cohorts_where(user, Action.REVIEW).filter(reading=Reading.TEACHING)


def teaching_cases(user: Person) -> QuerySet[Case]:
    """The cases that can be drawn: with a known class, and a result to show afterwards; none whose picture
    the user still has to read blind elsewhere.
    """
    analysed = Exists(can_be_key(Prediction.objects.filter(image__case=OuterRef("pk"))))
    readable = Case.objects.filter(
        under(Reading.TEACHING),
        cohort__in=teaching_cohorts(user),
        is_quarantined=False,
        deleted_at__isnull=True,
    )
    return readable.filter(analysed).exclude(held_back_from(user)).exclude(ground_truth="")


def drawn_case(user: User, cohort: Cohort, but: Case | None = None) -> Case | None:
    """A random case of the cohort, one that the user has not read before while there is one."""
    cases = teaching_cases(user).filter(cohort=cohort)
    if but is not None:
        cases = cases.exclude(pk=but.pk)
    unseen = cases.exclude(teaching_reads__reader=user)
    return _any_of(unseen) or _any_of(cases)


def answers_of(user: User, case: Case) -> QuerySet[TeachingRead]:
    """The user's own answers to the case, the newest first: one for each time it was drawn."""
    return TeachingRead.objects.filter(reader=user, case=case).order_by("-created_at", "-pk")


def answer_of_draw(user: User, case: Case, before: int) -> TeachingRead | None:
    """The user's answer to the draw that `before` answers went before; None while there is none.

    With it the known class was shown: it is the one that counts, whatever page a browser goes back to.
    """
    found = answers_of(user, case)
    return found.first() if found.count() > before else None


def _any_of(cases: QuerySet[Case]) -> Case | None:
    count = cases.count()
    return cases.order_by("pk")[secrets.randbelow(count)] if count else None


def own_teaching_read(user: User, case: Case, read_id: UUID) -> TeachingRead:
    """The user's own answer; TeachingRead.DoesNotExist where it is somebody else's, or of another case."""
    reads = TeachingRead.objects.filter(reader=user, case=case).select_related("prediction__image")
    return reads.prefetch_related("prediction__model_version").get(pk=read_id)


def score_of(user: User, cohort: Cohort) -> Score:
    """The running score over all draws of the user in the cohort."""
    shown = ~Q(prediction__gate_verdict=GateVerdict.REFUSED)
    counted = TeachingRead.objects.filter(reader=user, case__cohort=cohort).aggregate(
        n=Count("pk"),
        reader=Count("pk", filter=Q(read_class=F("case__ground_truth"))),
        answered=Count("pk", filter=shown),
        network=Count("pk", filter=shown & Q(prediction__predicted_class=F("case__ground_truth"))),
        trained_on=Count("pk", filter=shown & Q(prediction__in_training=True)),
    )
    return Score(**counted)
