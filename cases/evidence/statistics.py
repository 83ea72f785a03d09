"""Shares with the interval that belongs to them, and measures of agreement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """`hits` of `n`, and the 95 % interval; all as fractions, None where there is nothing to count."""

    hits: int
    n: int
    value: float | None
    low: float | None
    high: float | None


def share(hits: int, n: int) -> Share:
    """A share with its Wilson interval (Wilson 1927, JASA 22:209), which also holds near 0 and 1."""
    if n == 0:
        return Share(0, 0, None, None, None)
    # Loading scipy.stats takes about a second, and only this page needs it.
    from scipy.stats import binomtest

    interval = binomtest(hits, n).proportion_ci(confidence_level=0.95, method="wilson")
    return Share(hits, n, hits / n, float(interval.low), float(interval.high))


def cohen_kappa(counts: Mapping[tuple[str, str], int]) -> float | None:
    """Cohen's kappa (1960) of two raters, from the number of items by (class of one, class of the other).

    None where fewer than two classes were named: chance alone would always agree.
    """
    pairs = [pair for pair, n in counts.items() if n]
    named = {code for pair in pairs for code in pair}
    if len(named) <= 1:
        return None
    from sklearn.metrics import cohen_kappa_score

    ones, others = zip(*pairs, strict=True)
    return float(cohen_kappa_score(ones, others, sample_weight=[counts[pair] for pair in pairs]))


def mcnemar(better: int, worse: int) -> float | None:
    """The two-sided p value of the exact McNemar test (1947): is a change for the better as likely as one for
    the worse? None where nothing changed.
    """
    if better + worse == 0:
        return None
    from scipy.stats import binomtest

    return float(binomtest(better, better + worse, 0.5).pvalue)
