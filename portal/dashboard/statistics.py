"""Shares with the interval that belongs to them."""

from __future__ import annotations

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
