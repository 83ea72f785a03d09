"""Agreement of any number of raters, of whom some may be missing.

All take counts, (units, classes): how many raters named the class of the unit. The error is Gwet's linearised
one (Gwet 2014, Handbook of Inter-Rater Reliability, 4th ed., ch. 5 and 6), the interval takes t with one
degree of freedom less than units, and is cut at 1. A unit that nobody rated is none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np

from cases.evidence.measures.estimate import Estimate, Floats, around, nothing, t_quantile


def counts_of(units: Sequence[Sequence[object]], classes: Sequence[object] | None = None) -> Floats:
    """Ratings by unit and rater, None where a rater gave none, as counts (units, classes).

    classes: all that could be named, in their order; by default those that were. AC1's chance depends on how
    many there are.
    """
    if classes is None:
        classes = sorted({rating for unit in units for rating in unit if rating is not None}, key=str)
    place = {code: index for index, code in enumerate(classes)}
    counts = np.zeros((len(units), len(place)))
    for row, unit in enumerate(units):
        for rating in unit:
            if rating is not None:
                counts[row, place[rating]] += 1
    return counts


def percent_agreement(counts: Floats) -> float | None:
    """Of two raters of one unit, how often they agree, mean over the units that two or more rated."""
    raters = counts.sum(axis=1)
    several = counts[raters > 1]
    return float(_pairs_agreeing(several).mean()) if len(several) else None


def _pairs_agreeing(counts: Floats) -> Floats:
    raters = counts.sum(axis=1)
    return np.asarray((counts * (counts - 1)).sum(axis=1) / (raters * (raters - 1)), dtype=np.float64)


def fleiss_kappa(counts: Floats) -> Estimate:
    """Fleiss' kappa (1971, Psychol Bull 76:378), in Gwet's form for missing ratings: chance is Σπ_k², where
    π_k is the mean share of class k. None where no unit has two ratings, or only one class was named.
    """
    return _beyond_chance(
        counts, lambda shares: float((shares**2).sum()), lambda given, shares: given @ shares
    )


def ac1(counts: Floats) -> Estimate:
    """Gwet's AC1 (2008, Br J Math Stat Psychol 61:29): chance is Σπ_k(1-π_k)/(q-1) of q classes, so that it
    does not fall where one class dominates, as kappa does. None where no unit has two ratings, or there is
    but one class.
    """
    q = counts.shape[1]
    if q < 2:  # noqa: PLR2004 - one class cannot be disagreed on
        return nothing(len(counts))
    return _beyond_chance(
        counts,
        lambda shares: float((shares * (1 - shares)).sum() / (q - 1)),
        lambda given, shares: given @ (1 - shares) / (q - 1),
    )


def _beyond_chance(
    counts: Floats,
    chance_of: Callable[[Floats], float],
    chance_by_unit: Callable[[Floats, Floats], Floats],
) -> Estimate:
    rated = counts[counts.sum(axis=1) > 0]
    n, raters = len(rated), rated.sum(axis=1)
    several = raters > 1
    if not several.any():
        return nothing(n)
    given = rated / raters[:, None]
    shares = given.mean(axis=0)
    agreeing = np.zeros(n)
    agreeing[several] = _pairs_agreeing(rated[several])
    observed, expected = float(agreeing[several].mean()), chance_of(shares)
    if 1 - expected < 1e-12:  # noqa: PLR2004 - rounding of a sum of shares
        return nothing(n)
    value = (observed - expected) / (1 - expected)
    by_unit = n / several.sum() * (agreeing - expected * several) / (1 - expected)
    pull = 2 * (1 - value) * (chance_by_unit(given, shares) - expected) / (1 - expected)
    return _estimate(value, value, by_unit - pull)


def _estimate(value: float, centre: float, by_unit: Floats) -> Estimate:
    n = len(by_unit)
    if n < 2:  # noqa: PLR2004 - one unit has no spread
        return Estimate(value, None, None, None, n)
    se = float(np.sqrt(((by_unit - centre) ** 2).sum() / (n * (n - 1))))
    return around(value, se, n, quantile=t_quantile(n - 1), bounds=(-1, 1))


class Metric(StrEnum):
    """What the distance of two classes is, for Krippendorff's alpha."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    RATIO = "ratio"


def krippendorff_alpha(
    counts: Floats, metric: Metric = Metric.NOMINAL, values: Sequence[float] | None = None
) -> Estimate:
    """Krippendorff's alpha (2011, Computing Krippendorff's Alpha-Reliability): 1 - Do/De over the matrix of
    coincidences. A unit with one rating counts for nothing.

    values: what the classes measure, for interval and ratio; by default 1, 2, 3 … None where no unit has two
    ratings, or only one class was named. Its error, of nominal classes alone, is Gwet's.
    """
    rated = counts[counts.sum(axis=1) > 1]
    if not len(rated):
        return nothing()
    raters = rated.sum(axis=1)
    together = (rated.T / (raters - 1)) @ rated - np.diag((rated / (raters - 1)[:, None]).sum(axis=0))
    totals = together.sum(axis=0)
    distance = _distances(metric, totals, np.arange(1.0, len(totals) + 1) if values is None else values)
    expected = float((np.outer(totals, totals) * distance).sum()) / (totals.sum() - 1)
    if expected <= 0:
        return nothing(len(rated))
    value = 1 - float((together * distance).sum()) / expected
    if metric is not Metric.NOMINAL:
        return Estimate(value, None, None, None, len(rated))
    return _estimate(value, *_alpha_by_unit(rated))


def _distances(metric: Metric, totals: Floats, values: Sequence[float] | Floats) -> Floats:
    """Squared distances of the classes, (q, q), after Krippendorff's section on metric differences."""
    q = len(totals)
    if metric is Metric.NOMINAL:
        return 1.0 - np.eye(q)
    if metric is Metric.ORDINAL:
        ends = np.cumsum(totals) - totals / 2
        return np.asarray(np.subtract.outer(ends, ends) ** 2, dtype=np.float64)
    place = np.asarray(values, dtype=np.float64)
    apart = np.subtract.outer(place, place)
    if metric is Metric.RATIO:
        sums = np.add.outer(place, place)
        apart = np.divide(apart, sums, out=np.zeros_like(apart), where=sums != 0)
    return np.asarray(apart**2, dtype=np.float64)


def _alpha_by_unit(rated: Floats) -> tuple[float, Floats]:
    """Alpha before its correction for few ratings, and what each unit adds to it, for the error: Gwet 2014,
    as irrCAC computes it.
    """
    raters = rated.sum(axis=1)
    mean = raters.mean()
    shares = rated.mean(axis=0) / mean
    expected = float((shares**2).sum())
    agreeing = (rated * (rated - 1)).sum(axis=1) / (mean * (raters - 1))
    uncorrected = float(agreeing.mean())
    few = 1 / raters.sum()
    apart = (raters - mean) / mean
    agreeing = agreeing - ((1 - few) * uncorrected + few) * apart
    alpha = (uncorrected - expected) / (1 - expected)
    chance = rated @ shares / mean - expected * apart
    by_unit = (agreeing - expected - 2 * (1 - alpha) * (chance - expected)) / (1 - expected)
    return alpha, np.asarray(by_unit, dtype=np.float64)
