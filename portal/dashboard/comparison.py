"""Two network versions on the same images of a cohort: where they agree, and which of them is right.

An image counts once both have a result of it. The number of queries is the same for any number of images.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.db.models import Count, F, Q, QuerySet

from cases.lifecycle import GateVerdict
from cases.models import Cohort, ModelVersion, Prediction
from portal.dashboard.statistics import Share, cohen_kappa, mcnemar, share

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Before(TypedDict):
        """What `differing` adds to the second version's results."""

        before_class: str
        before_confidence: float
        before_verdict: str

    DifferingResult: TypeAlias = WithAnnotations[Prediction, Before]

# The other version's result of the same image: the same joined row in every expression.
_OTHER = "image__predictions__"


@dataclass(frozen=True)
class Duel:
    """Both against one truth. better, worse: how often only the second, or only the first, is right.
    p_value: of the exact McNemar test; None where they never differ.
    """

    first: Share
    second: Share
    better: int
    worse: int
    p_value: float | None


@dataclass(frozen=True)
class Comparison:
    """counts: images by (class of the first, class of the second), without those that either refused.

    both: images of which both have a result. withheld: of these, refused by either. kappa: Cohen's; None
    where chance alone would always agree. known, read: against the known class of real cases and against the
    readers' last word; None where there is none.
    """

    both: int
    withheld: int
    agreed: Share
    kappa: float | None
    counts: Mapping[tuple[str, str], int]
    known: Duel | None
    read: Duel | None


def versions_in(cohort: Cohort) -> list[ModelVersion]:
    """The versions that have results in the cohort, the oldest first."""
    used = Prediction.objects.filter(image__cohort=cohort).order_by().values("model_version")
    return list(ModelVersion.objects.filter(pk__in=used).order_by("registered_at", "name"))


def compare(cohort: Cohort, first: ModelVersion, second: ModelVersion) -> Comparison:
    """Compare two versions on the images of which both have a result."""
    both = _both(cohort, first, second)
    given = _given(both)
    rows = given.order_by().values_list(f"{_OTHER}predicted_class", "predicted_class")
    counts = {(before, after): n for before, after, n in rows.annotate(n=Count("pk"))}
    compared, everything = sum(counts.values()), both.count()
    same = sum(n for (before, after), n in counts.items() if before == after)
    real = given.filter(~Q(image__case__ground_truth=""), image__case__is_simulated=False)
    reads = given.filter(image__case__reviews__isnull=False, image__case__reviews__amended_by__isnull=True)
    return Comparison(
        both=everything,
        withheld=everything - compared,
        agreed=share(same, compared),
        kappa=cohen_kappa(counts),
        counts=counts,
        known=_duel(_not_trained_on(real), "image__case__ground_truth"),
        read=_duel(_not_trained_on(reads), "image__case__reviews__final_class"),
    )


def differing(cohort: Cohort, first: ModelVersion, second: ModelVersion) -> QuerySet[DifferingResult]:
    """The second version's results that name another class than the first's, or that only one refused.

    Each carries before_class, before_confidence and before_verdict; the newest case is first.
    """
    refused, refused_before = (
        Q(**{name: GateVerdict.REFUSED}) for name in ("gate_verdict", "before_verdict")
    )
    same_class = Q(before_class=F("predicted_class"))
    # A condition on an annotation reads the joined row; one on the relation itself would, negated, ask of
    # every other version's result.
    return (
        _both(cohort, first, second)
        .annotate(
            before_class=F(f"{_OTHER}predicted_class"),
            before_confidence=F(f"{_OTHER}confidence"),
            before_verdict=F(f"{_OTHER}gate_verdict"),
        )
        .exclude(refused & refused_before)
        .exclude(~refused & ~refused_before & same_class)
        .select_related("image__case")
        .order_by("-image__case__created_at", "pk")
    )


def _both(cohort: Cohort, first: ModelVersion, second: ModelVersion) -> QuerySet[Prediction]:
    return Prediction.objects.filter(
        image__cohort=cohort, model_version=second, image__predictions__model_version=first
    )


def _given(both: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """Results of images that neither gate refused."""
    before = both.annotate(before_gate=F(f"{_OTHER}gate_verdict"))
    return before.exclude(gate_verdict=GateVerdict.REFUSED).exclude(before_gate=GateVerdict.REFUSED)


def _not_trained_on(given: QuerySet[Prediction]) -> QuerySet[Prediction]:
    """Without images that either is known to have been trained on."""
    marked = given.annotate(before_training=F(f"{_OTHER}in_training"))
    unseen = Q(in_training=False) | Q(in_training__isnull=True)
    return marked.filter(unseen, Q(before_training=False) | Q(before_training__isnull=True))


def _duel(results: QuerySet[Prediction], truth: str) -> Duel | None:
    first_right, second_right = Q(before=F("truth")), Q(predicted_class=F("truth"))
    counts = (
        results.order_by()
        .annotate(before=F(f"{_OTHER}predicted_class"), truth=F(truth))
        .aggregate(
            n=Count("pk"),
            first=Count("pk", filter=first_right),
            second=Count("pk", filter=second_right),
            both=Count("pk", filter=first_right & second_right),
        )
    )
    if not counts["n"]:
        return None
    worse, better = counts["first"] - counts["both"], counts["second"] - counts["both"]
    return Duel(
        first=share(counts["first"], counts["n"]),
        second=share(counts["second"], counts["n"]),
        better=better,
        worse=worse,
        p_value=mcnemar(better, worse),
    )
