"""Agreement of two raters beyond chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cases.evidence.measures.estimate import Estimate, Floats, around, nothing


class Weights(StrEnum):
    """How much a disagreement counts; classes without an order take none."""

    NONE = "unweighted"
    LINEAR = "linear"
    QUADRATIC = "quadratic"


@dataclass(frozen=True)
class Kappa(Estimate):
    """Kappa with its large-sample error. se0: the error under kappa = 0, for a test alone.

    observed, expected: the agreement that is there, and that chance alone would give.
    """

    se0: float | None = None
    observed: float | None = None
    expected: float | None = None


def cohen_kappa(counts: Mapping[tuple[str, str], int]) -> Kappa:
    """Cohen's kappa from the number of items by (class of one, class of the other): `kappa_of_table`."""
    return kappa_of_table(square(counts))


def square(counts: Mapping[tuple[str, str], int]) -> Floats:
    """The counts as a square table over the classes that occur, in alphabetical order."""
    codes = sorted({code for pair, n in counts.items() if n for code in pair})
    place = {code: index for index, code in enumerate(codes)}
    table = np.zeros((len(codes), len(codes)))
    for (one, other), n in counts.items():
        if n:
            table[place[one], place[other]] += n
    return table


def kappa_of_table(table: Floats, weights: Weights = Weights.NONE) -> Kappa:
    """Cohen's kappa (1960, Educ Psychol Meas 20:37; weighted 1968, Psychol Bull 70:213).

    table: (k, k) counts, rows one rater, columns the other. kappa = (Po - Pe) / (1 - Pe), with weights 1 -
    |i-j|/(k-1) (linear) or 1 - (i-j)²/(k-1)² (quadratic) on each cell. Standard errors after Fleiss, Cohen &
    Everitt (1969, Psychol Bull 72:323). Undefined (None) where chance alone always agrees: no item, or one
    class.
    """
    n = int(table.sum())
    if n == 0:
        return Kappa(**vars(nothing()))
    p = table / n
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    w = agreement_weights(len(table), weights)
    chance = np.outer(rows, columns)
    observed, expected = float((w * p).sum()), float((w * chance).sum())
    if 1 - expected < 1e-12:  # noqa: PLR2004 - rounding of a sum of shares
        return Kappa(**vars(nothing(n)), observed=observed, expected=expected)
    kappa = (observed - expected) / (1 - expected)
    means = (w @ columns)[:, None] + (rows @ w)[None, :]
    spread = (p * (w - means * (1 - kappa)) ** 2).sum() - (kappa - expected * (1 - kappa)) ** 2
    under_none = (chance * (w - means) ** 2).sum() - expected**2
    se = float(np.sqrt(max(spread, 0) / n) / (1 - expected))
    se0 = float(np.sqrt(max(under_none, 0) / n) / (1 - expected))
    return Kappa(**vars(around(kappa, se, n, bounds=(-1, 1))), se0=se0, observed=observed, expected=expected)


def agreement_weights(k: int, weights: Weights) -> Floats:
    """How much each pair of k classes in order agrees: (k, k), [0, 1], 1 on the diagonal."""
    if weights is Weights.NONE or k < 2:  # noqa: PLR2004 - one class has no distance
        return np.eye(k)
    distance = np.abs(np.subtract.outer(np.arange(k), np.arange(k))) / (k - 1)
    return 1.0 - (distance if weights is Weights.LINEAR else distance**2)
