"""The sentinels of each cohort, analysed anew by the network that became active, and held against what the
networks before it said of them.

What is said lies in a table of its own, as of a candidate in shadow: a new result that a few cases alone have
would tell readers which these are. sentinel_worker.py asks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Exists, OuterRef

from cases.analysis.results import IMAGE_ORDER
from cases.lifecycle import GateVerdict
from cases.models import Cohort, SentinelAnswer, SentinelCheck

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet


@dataclass(frozen=True)
class Answer:
    """What a network says of a case. code: empty where its gate refused the picture, which is never right."""

    version: str
    code: str
    trained_on: bool


@dataclass(frozen=True)
class Outcome:
    """One sentinel under a check. before: of the newest network before that answered it. after: None while
    it is not answered, or could not be. cluster: the patient, or the case where no patient is known.
    """

    case: str
    cluster: str
    truth: str
    before: Answer | None
    after: Answer | None

    @property
    def was_right(self) -> bool:
        """Whether the network before was right."""
        return self.before is not None and self.before.code == self.truth

    @property
    def is_right(self) -> bool:
        """Whether this network is."""
        return self.after is not None and self.after.code == self.truth


def newest_check(cohort: Cohort) -> SentinelCheck | None:
    """The newest check of the cohort."""
    checks = SentinelCheck.objects.filter(cohort=cohort).select_related("version", "cohort")
    return checks.order_by("-started_at", "-pk").first()


def waiting_in(checks: Iterable[UUID]) -> QuerySet[SentinelAnswer]:
    """What the networks are still to be asked."""
    few = {"predicted_class": "", "attempts__lt": settings.JOB_MAX_ATTEMPTS}
    return SentinelAnswer.objects.filter(check_run__in=list(checks), **few)


def outcomes(check: SentinelCheck) -> list[Outcome]:
    """Each sentinel of the cohort with the former and the new answer, by code."""
    return _outcomes(check.cohort, _said_before(check), _answers([check])[check.pk])


def _outcomes(cohort: Cohort, before: Mapping[str, Answer], after: Mapping[str, Answer]) -> list[Outcome]:
    rows = cohort.cases.filter(is_sentinel=True).order_by("code")
    return [
        Outcome(code, patient or code, truth, before.get(code), after.get(code))
        for code, patient, truth in rows.values_list("code", "patient", "ground_truth")
    ]


def _said_before(check: SentinelCheck) -> dict[str, Answer]:
    """The newest answer of each case before the check: one that was cut short has not all of them."""
    earlier = SentinelCheck.objects.filter(cohort=check.cohort_id, started_at__lt=check.started_at)
    found: dict[str, Answer] = {}
    for answers in _answers(earlier.order_by("started_at")).values():
        found |= answers
    return found


def _answers(checks: Iterable[SentinelCheck]) -> dict[UUID, dict[str, Answer]]:
    """By check, what was said of each case that it is through with, by the picture that stands for it."""
    keys = [check.pk for check in checks]
    unasked = waiting_in(keys).filter(check_run=OuterRef("check_run"), image__case=OuterRef("image__case"))
    rows = SentinelAnswer.objects.filter(~Exists(unasked), check_run__in=keys).exclude(predicted_class="")
    found: dict[UUID, dict[str, Answer]] = {key: {} for key in keys}
    told = rows.order_by(*IMAGE_ORDER).values_list(
        *("check_run", "image__case__code", "check_run__version__name"),
        *("predicted_class", "gate_verdict", "in_training"),
    )
    for check, case, version, code, gate, trained in told:
        said = Answer(version, "" if gate == GateVerdict.REFUSED else code, bool(trained))
        found[check].setdefault(case, said)
    return found


def newest_outcomes(cohort: Cohort, most: int) -> list[tuple[SentinelCheck, list[Outcome]]]:
    """The newest checks, each with what it said of the sentinels of today; the newest first."""
    checks = SentinelCheck.objects.filter(cohort=cohort).select_related("version")
    newest = list(checks.order_by("-started_at", "-pk")[:most])
    answers = _answers(newest)
    return [(check, _outcomes(cohort, {}, answers[check.pk])) for check in newest]
