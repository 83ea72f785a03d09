"""Whether a probability of 80 % is right in 80 % of the cases, and how accurate the surest cases are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cases.evidence.measures.estimate import Floats
from cases.evidence.measures.proportions import Share, share


@dataclass(frozen=True)
class Bin:
    """Cases of like probability: its mean, and how many of them were right."""

    index: int
    confidence: float
    right: Share


@dataclass(frozen=True)
class CalibrationError:
    """ece: the mean distance of probability and share right, weighted by n. rmsce: the root of the mean
    square. mce: the largest.
    """

    ece: float
    rmsce: float
    mce: float


def equal_width_bins(confidences: ArrayLike, right: ArrayLike, bins: int) -> list[Bin]:
    """The bins (lower, upper] of equal width over 0 to 1 that hold a case; 0 itself is in the first."""
    values = np.asarray(confidences, dtype=np.float64)
    # Widths such as 1/3 are no floating number: an edge is compared as the division gives it.
    places = np.clip(np.searchsorted(np.linspace(0, 1, bins + 1), values, side="left") - 1, 0, bins - 1)
    return _bins(values, np.asarray(right, dtype=bool), places)


def equal_count_bins(confidences: ArrayLike, right: ArrayLike, bins: int) -> list[Bin]:
    """At most `bins` bins of about as many cases each, by probability; equal probabilities share one."""
    values = np.asarray(confidences, dtype=np.float64)
    if not len(values):
        return []
    order = np.sort(values)
    firsts = order[[len(values) * index // bins for index in range(bins)]]
    places = np.searchsorted(np.unique(firsts), values, side="right") - 1
    return _bins(values, np.asarray(right, dtype=bool), places)


def _bins(values: Floats, right: NDArray[np.bool_], places: NDArray[np.intp]) -> list[Bin]:
    return [
        Bin(
            int(place),
            float(values[places == place].mean()),
            share(int(right[places == place].sum()), int((places == place).sum())),
        )
        for place in np.unique(places)
    ]


def calibration_error(bins: Sequence[Bin]) -> CalibrationError | None:
    """The expected, root mean square and largest calibration error of the bins (Guo et al. 2017, ICML; Naeini
    et al. 2015, AAAI). None without a case.
    """
    total = sum(each.right.n for each in bins)
    if not total:
        return None
    gaps = [(each.right.n / total, abs(each.confidence - (each.right.value or 0.0))) for each in bins]
    return CalibrationError(
        sum(weight * gap for weight, gap in gaps),
        float(np.sqrt(sum(weight * gap**2 for weight, gap in gaps))),
        max(gap for _weight, gap in gaps),
    )


def brier_sum(probabilities: ArrayLike, truth: Sequence[int]) -> float | None:
    """The Brier score in its sum form, 0 to 2 (Brier 1950, Mon Weather Rev 78:1): the mean over the cases of
    Σ(p_k - y_k)² over the classes. probabilities: (cases, classes); truth: the index of each known class.
    scikit-learn halves the sum of two classes, which is the form of 0 to 1.
    """
    values = np.atleast_2d(np.asarray(probabilities, dtype=np.float64))
    if not len(truth):
        return None
    known = np.zeros_like(values)
    known[np.arange(len(truth)), list(truth)] = 1
    return float(((values - known) ** 2).sum(axis=1).mean())


def brier_of_case(probabilities: Mapping[str, float], truth: str) -> float:
    """The Brier score of one case in its sum form; a truth that the network does not know is a class of 0."""
    missed = (1 - probabilities.get(truth, 0.0)) ** 2
    return missed + sum(share**2 for code, share in probabilities.items() if code != truth)


def brier_binary(probabilities: ArrayLike, truth: ArrayLike) -> float | None:
    """The Brier score of one class, 0 to 1: the mean of (p - y)²; half the sum form. None without a case."""
    values = np.asarray(probabilities, dtype=np.float64)
    known = np.asarray(truth, dtype=np.float64)
    return float(((values - known) ** 2).mean()) if len(values) else None


@dataclass(frozen=True)
class CoveragePoint:
    """Of the surest cases, down to `threshold`: what share of all cases they are, and how many were right."""

    threshold: float
    coverage: float
    right: Share


def coverage_curve(confidences: ArrayLike, right: ArrayLike, points: int = 20) -> list[CoveragePoint]:
    """Accuracy against coverage (El-Yaniv & Wiener 2010, JMLR 11:1605): the surest cases first, at about
    `points` thresholds; cases of equal probability come together. The last point is all cases.
    """
    values, hits = np.asarray(confidences, dtype=np.float64), np.asarray(right, dtype=bool)
    n = len(values)
    if not n:
        return []
    order = np.argsort(-values, kind="stable")
    values, hits = values[order], np.cumsum(hits[order])
    # A threshold takes all cases of its probability: it ends where the next one is lower.
    ends = np.flatnonzero(np.append(values[1:] < values[:-1], True)) + 1
    wanted = sorted({int(ends[np.searchsorted(ends, n * step / points)]) for step in range(1, points + 1)})
    return [CoveragePoint(float(values[k - 1]), k / n, share(int(hits[k - 1]), k)) for k in wanted]


def area_under_coverage(confidences: ArrayLike, right: ArrayLike) -> float | None:
    """The mean share wrong over all coverages (AURC; Geifman et al. 2019, ICLR), lower is better. Cases of
    equal probability have no order of their own: it is the mean over all orders of theirs. None without a
    case.
    """
    values, wrong = np.asarray(confidences, dtype=np.float64), ~np.asarray(right, dtype=bool)
    if not len(values):
        return None
    _, place, sizes = np.unique(-values, return_inverse=True, return_counts=True)
    shares = np.bincount(place, weights=wrong) / sizes
    # Of k cases of one probability any j hold j times their share wrong, on average.
    expected = np.cumsum(np.repeat(shares, sizes))
    return float((expected / np.arange(1, len(values) + 1)).mean())
