"""The area under the ROC curve, without a model of the scores: ties count one half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cases.evidence.measures.estimate import Estimate, Floats, around, normal_p, nothing


def placements(positives: Floats, negatives: Floats) -> tuple[Floats, Floats]:
    """Of each positive the share of negatives that it scores above, and of each negative the share of
    positives above it; a tie is one half. Both means are the AUC. By sorting, so that 100,000 cases need no
    table of pairs.
    """
    return _share_below(positives, negatives), 1 - _share_below(negatives, positives)


def _share_below(values: Floats, others: Floats) -> Floats:
    ordered = np.sort(others)
    below, up_to = (np.searchsorted(ordered, values, side=side) for side in ("left", "right"))
    return np.asarray((below + up_to) / (2 * len(others)), dtype=np.float64)


def auc(truth: ArrayLike, scores: ArrayLike) -> float | None:
    """The share of pairs of a positive and a negative in which the positive scores higher (Hanley & McNeil
    1982, Radiology 143:29). truth: True for positives. None where one of the two is missing.
    """
    is_positive, values = _arrays(truth, scores)
    positives, negatives = values[is_positive], values[~is_positive]
    return float(placements(positives, negatives)[0].mean()) if len(positives) and len(negatives) else None


def _arrays(truth: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.bool_], Floats]:
    return np.asarray(truth, dtype=bool), np.asarray(scores, dtype=np.float64)


def delong(truth: ArrayLike, scores: ArrayLike) -> Estimate:
    """The AUC with DeLong's error (1988, Biometrics 44:837) and a normal interval, which is not cut at 1.
    Without an error where there are not two positives and two negatives.
    """
    value = auc(truth, scores)
    is_positive, values = _arrays(truth, scores)
    if value is None:
        return nothing(len(values))
    variance = delong_covariance(is_positive, values[None, :])
    se = None if variance is None else float(np.sqrt(variance[0, 0]))
    return around(value, se, len(values))


def delong_covariance(truth: ArrayLike, scores: ArrayLike) -> Floats | None:
    """The covariance of several AUCs on the same cases, (m, m): S10/positives + S01/negatives of the
    placements of positives and of negatives (DeLong 1988). scores: (m, cases). None without two positives and
    two negatives.
    """
    is_positive, values = _arrays(truth, scores)
    n1, n0 = int(is_positive.sum()), int((~is_positive).sum())
    if min(n1, n0) < 2:  # noqa: PLR2004 - one case has no spread
        return None
    placed = [placements(row[is_positive], row[~is_positive]) for row in values]
    by_positive = np.atleast_2d(np.cov([of_positives for of_positives, _ in placed]))
    by_negative = np.atleast_2d(np.cov([of_negatives for _, of_negatives in placed]))
    return np.asarray(by_positive / n1 + by_negative / n0, dtype=np.float64)


@dataclass(frozen=True)
class AucDifference:
    """Two AUCs on the same cases. difference: first less second. z and p: None where the error is 0."""

    first: Estimate
    second: Estimate
    difference: Estimate
    z: float | None
    p: float | None


def compare_aucs(truth: ArrayLike, first: ArrayLike, second: ArrayLike) -> AucDifference | None:
    """DeLong's comparison of two correlated AUCs; None where the covariance is undefined."""
    scores = np.asarray([first, second], dtype=np.float64)
    covariance = delong_covariance(truth, scores)
    if covariance is None:
        return None
    one, other = delong(truth, first), delong(truth, second)
    apart = (one.value or 0.0) - (other.value or 0.0)
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    se = float(np.sqrt(max(variance, 0.0)))
    z = apart / se if se > 0 else None
    difference = around(apart, se, scores.shape[1])
    return AucDifference(one, other, difference, z, None if z is None else normal_p(z))


@dataclass(frozen=True)
class HandTill:
    """m: the mean over all pairs of classes that occur. pairs: the AUC of each pair."""

    m: float
    pairs: dict[tuple[str, str], float]


def hand_till(truth: Sequence[object], scores: ArrayLike, classes: Sequence[object]) -> HandTill | None:
    """The many-class AUC of Hand & Till (2001, Machine Learning 45:171).

    scores: (cases, classes) probabilities, in the order of `classes`: a pair is the mean of the AUC of i by
    the score of i and of j by that of j. Or (cases,), one score for all: then a pair is taken in its better
    direction. Classes that never occur are left out; None where fewer than two do.
    """
    known = np.asarray([str(code) for code in truth])
    values = np.asarray(scores, dtype=np.float64)
    names = [(index, str(code)) for index, code in enumerate(classes) if (known == str(code)).any()]
    pairs = {
        (first[1], second[1]): _pair(known, values, first, second) for first, second in combinations(names, 2)
    }
    return HandTill(sum(pairs.values()) / len(pairs), pairs) if pairs else None


def _pair(known: NDArray[np.str_], values: Floats, first: tuple[int, str], second: tuple[int, str]) -> float:
    (i, one), (j, other) = first, second
    of_one, of_other = values[known == one], values[known == other]
    if values.ndim == 1:
        area = float(placements(of_one, of_other)[0].mean())
        return max(area, 1 - area)
    by_first = placements(of_one[:, i], of_other[:, i])[0].mean()
    by_second = placements(of_other[:, j], of_one[:, j])[0].mean()
    return float((by_first + by_second) / 2)
