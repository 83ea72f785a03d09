"""Two network versions on the same cases of a cohort: where they agree, and which of them is right.

A case counts once both are through with it; of many images, each network speaks by the one that stands for
the case by its results (cases/analysis/results.py). The number of queries is the same for any number of
cases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django.db.models import Count, F, Q, QuerySet

from cases.analysis.results import key_results
from cases.evidence.clustered import gains_where, share_where
from cases.evidence.figures import given, not_trained_on
from cases.evidence.measures.kappa import cohen_kappa
from cases.evidence.measures.paired import swapped_clusters
from cases.evidence.measures.proportions import Share, share
from cases.models import Cohort, ModelVersion, Prediction
from cases.models.review import standing

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class Before(TypedDict):
        """What the first version said of the case."""

        before_predicted_class: str
        before_confidence: float
        before_gate_verdict: str
        before_in_training: bool | None

    PairedResult: TypeAlias = WithAnnotations[Prediction, Before]

# What the other version said of the same case. A condition on these annotations reads the joined row; one on
# the relation itself would, negated, ask of every other version's result.
_BEFORE = "before_"
_SAME_CLASS = Q(before_predicted_class=F("predicted_class"))


@dataclass(frozen=True)
class Duel:
    """Both against one truth, with intervals by patient or case. better, worse: how often only the second, or
    only the first, is right. p_value: of the exact McNemar test that swaps the two by patient or case; None
    where none of these prefers one.
    """

    first: Share
    second: Share
    better: int
    worse: int
    p_value: float | None


@dataclass(frozen=True)
class Comparison:
    """counts: cases by (class of the first, class of the second), without those that either refused.

    both: cases of which both have a result. withheld: of these, refused by either. kappa: Cohen's; None
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


def versions_in(cohort: Cohort) -> QuerySet[ModelVersion]:
    """The versions that have results in the cohort, the oldest first."""
    used = Prediction.objects.filter(image__cohort=cohort).order_by().values("model_version")
    return ModelVersion.objects.filter(pk__in=used).order_by("registered_at", "name")


def compare(cohort: Cohort, first: ModelVersion, second: ModelVersion) -> Comparison:
    """Compare two versions on the cases of which both have a result."""
    both = _both(cohort, first, second)
    of_both = both.filter(given(), given(_BEFORE))
    rows = of_both.order_by().values_list("before_predicted_class", "predicted_class")
    counts = {(before, after): n for before, after, n in rows.annotate(n=Count("pk"))}
    compared, everything = sum(counts.values()), both.count()
    same = sum(n for (before, after), n in counts.items() if before == after)
    unseen = of_both.filter(not_trained_on(), not_trained_on(_BEFORE))
    real = unseen.filter(~Q(image__case__ground_truth=""), image__case__is_simulated=False)
    reads = unseen.filter(standing("image__case__reviews__"))
    return Comparison(
        both=everything,
        withheld=everything - compared,
        agreed=share(same, compared),
        kappa=cohen_kappa(counts).value,
        counts=counts,
        known=_duel(real, "image__case__ground_truth"),
        read=_duel(reads, "image__case__reviews__final_class"),
    )


def differing(cohort: Cohort, first: ModelVersion, second: ModelVersion) -> QuerySet[PairedResult]:
    """The second version's results that name another class than the first's, or that only one refused; the
    newest case is first.
    """
    return (
        _both(cohort, first, second)
        .exclude(~given() & ~given(_BEFORE))
        .exclude(given() & given(_BEFORE) & _SAME_CLASS)
        .select_related("image__case")
        .order_by("-image__case__created_at", "pk")
    )


def _both(cohort: Cohort, first: ModelVersion, second: ModelVersion) -> QuerySet[PairedResult]:
    """The second version's results of the cases that the first has a result of, each with that result."""
    of_cohort = Prediction.objects.filter(image__cohort=cohort, image__case__is_sentinel=False)
    before = "image__case__images__predictions__"
    of_first = key_results(of_cohort.filter(model_version=first)).values("pk")
    of_second = key_results(of_cohort.filter(model_version=second))
    paired = of_second.filter(**{f"{before}pk__in": of_first})
    return paired.annotate(
        before_predicted_class=F(f"{before}predicted_class"),
        before_confidence=F(f"{before}confidence"),
        before_gate_verdict=F(f"{before}gate_verdict"),
        before_in_training=F(f"{before}in_training"),
    )


def _duel(results: QuerySet[PairedResult], truth: str) -> Duel | None:
    first, second = Q(before_predicted_class=F("truth")), Q(predicted_class=F("truth"))
    known = results.annotate(truth=F(truth))
    of_first, of_second = (share_where(known, "image__case__", right) for right in (first, second))
    if not of_first.n:
        return None
    both = known.filter(first, second).count()
    return Duel(
        first=of_first,
        second=of_second,
        better=of_second.hits - both,
        worse=of_first.hits - both,
        p_value=swapped_clusters(gains_where(known, "image__case__", first, second)).exact,
    )
