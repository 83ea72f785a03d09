"""Two judgements of the same cases: which of them is right more often, and by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

import numpy as np

from cases.evidence.measures.distributions import half_chance
from cases.evidence.measures.estimate import Z95, normal_p
from cases.evidence.measures.proportions import ClusterSums, exact_interval, wilson


@dataclass(frozen=True)
class Pairs:
    """Cases by which of the two was right."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @classmethod
    def of(cls, judged: Iterable[tuple[bool, bool]]) -> Pairs:
        """From whether the first and whether the second was right, case by case."""
        found = Counter(judged)
        return cls(found[True, True], found[True, False], found[False, True], found[False, False])

    @property
    def n(self) -> int:
        """All cases."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float | None:
        """The share right of the first, less that of the second; None without a case."""
        return (self.only_first - self.only_second) / self.n if self.n else None


@dataclass(frozen=True)
class McNemar:
    """P values, two-sided, of the test that both are right equally often (McNemar 1947, Psychometrika
    12:153).

    exact: binomial over the cases on which one alone is right. mid: the exact one less half the probability
    of what was seen (Fagerland, Lydersen & Laake 2013, BMC Med Res Methodol 13:91), less shy and still sound.
    asymptotic and corrected: by chi-squared, without and with the continuity correction. odds_ratio: only
    first over only second, with the exact conditional interval; infinite where the second is never right
    alone. All None where they never differ.
    """

    exact: float | None
    mid: float | None
    asymptotic: float | None
    corrected: float | None
    odds_ratio: float | None
    odds_ratio_low: float | None
    odds_ratio_high: float | None


def mcnemar(only_first: int, only_second: int) -> McNemar:
    """The test of McNemar, from the cases on which one alone is right."""
    differing = only_first + only_second
    if differing == 0:
        return McNemar(None, None, None, None, None, None, None)
    fewer = min(only_first, only_second)
    at_it, up_to_it = half_chance(fewer, differing)
    exact = min(1.0, 2 * up_to_it)
    mid = 1 - at_it / 2 if only_first == only_second else exact - at_it
    apart = abs(only_first - only_second)
    low, high = exact_interval(only_first, differing)
    return McNemar(
        exact,
        mid,
        normal_p(apart / sqrt(differing)),
        normal_p(max(apart - 1, 0) / sqrt(differing)),
        only_first / only_second if only_second else float("inf"),
        low / (1 - low),
        high / (1 - high) if high < 1 else float("inf"),
    )


def swapped_clusters(gains: Iterable[int]) -> McNemar:
    """McNemar's exact and mid-p test where cases belong together: of each patient the two judgements are
    swapped as a whole, which is as likely as not where neither is better (Fisher's randomisation test;
    Edgington & Onghena 2007, Randomization Tests, 4th ed., 6; the large-sample form is that of Yang, Sun &
    Hardin 2010, Biom J 52:638). gains: by cluster, of how many more cases the first is right. Of clusters of
    one case each it is McNemar's own test. Without an odds ratio; all None where no cluster prefers one.
    """
    found = [gain for gain in gains if gain]
    sizes = Counter(map(abs, found))
    if not sizes:
        return McNemar(None, None, None, None, None, None, None)
    most, seen = sum(size * times for size, times in sizes.items()), abs(sum(found))
    # The distribution of a sum is the inverse transform of the product of its parts' cosines.
    turns = 2 * np.pi * np.arange(2 * most + 1) / (2 * most + 1)
    waves = np.prod([np.cos(size * turns) ** times for size, times in sizes.items()], axis=0)
    chances = np.maximum(np.fft.fftshift(np.fft.ifft(waves).real), 0.0)
    totals = np.abs(np.arange(-most, most + 1))
    exact, at_it = (min(1.0, float(chances[rows].sum())) for rows in (totals >= seen, totals == seen))
    spread = sqrt(sum(size**2 * times for size, times in sizes.items()))
    return McNemar(exact, exact - at_it / 2, normal_p(seen / spread), None, None, None, None)


def effect_on_difference(clusters: Iterable[Pairs]) -> float:
    """By how much clusters, whose pairs are given each, widen the variance of the difference; at least 1, as
    of a share (`proportions.clustered_share`). The linearised variance over clusters (Obuchowski 1998, Stat
    Med 17:1495) over that of independent cases, (b + c - (b-c)²/n) / n².
    """
    found = list(clusters)
    sums = ClusterSums.of((each.only_first - each.only_second, each.n) for each in found)
    differing = sum(each.only_first + each.only_second for each in found)
    return sums.effect((differing - sums.h**2 / sums.n) / sums.n**2) if sums.n else 1.0


def wald_interval(pairs: Pairs) -> tuple[float, float] | None:
    """The interval d ± z √(b + c - (b-c)²/n) / n; too narrow in few cases: to compare others with."""
    difference = pairs.difference
    if difference is None:
        return None
    apart = pairs.only_first - pairs.only_second
    se = sqrt(pairs.only_first + pairs.only_second - apart**2 / pairs.n) / pairs.n
    return difference - Z95 * se, difference + Z95 * se


def newcombe_interval(pairs: Pairs, effect: float = 1.0) -> tuple[float, float] | None:
    """Newcombe's interval of a paired difference, by squaring and adding Wilson limits with the correlation
    of the two (1998, Stat Med 17:2635, method 10, with his correction of phi by n/2). effect: of clusters
    (`effect_on_difference`), by which the number of cases is divided. None without a case.
    """
    difference, n = pairs.difference, pairs.n / effect
    if difference is None:
        return None
    p1, p2 = (pairs.both + pairs.only_first) / pairs.n, (pairs.both + pairs.only_second) / pairs.n
    (low1, high1), (low2, high2) = wilson(p1, n), wilson(p2, n)
    phi = _phi(pairs, effect)
    down = _joined(p1 - low1, high2 - p2, phi)
    up = _joined(high1 - p1, p2 - low2, phi)
    return difference - down, difference + up


def _joined(one: float, other: float, phi: float) -> float:
    return sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))


def _phi(pairs: Pairs, effect: float) -> float:
    """The correlation of the two, with Newcombe's correction; 0 where one is always or never right."""
    a, b, c, d = (each / effect for each in (pairs.both, pairs.only_first, pairs.only_second, pairs.neither))
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    if margins == 0:
        return 0.0
    above = a * d - b * c
    if above > 0:
        above = max(above - pairs.n / effect / 2, 0.0)
    return above / sqrt(margins)


def tango_interval(pairs: Pairs, effect: float = 1.0) -> tuple[float, float] | None:
    """Tango's score interval of a paired difference (1998, Stat Med 17:891): all differences δ with
    |b - c - nδ| / √(n(2q + δ(1-δ))) ≤ z, where q is the likeliest share of c under δ. effect: as of
    `newcombe_interval`. None without a case.
    """
    difference, n = pairs.difference, pairs.n / effect
    if difference is None:
        return None
    from scipy.optimize import brentq

    b, c = pairs.only_first / effect, pairs.only_second / effect

    def score(delta: float) -> float:
        linear = -b - c + (2 * n - b + c) * delta
        constant = -c * delta * (1 - delta)
        q = (sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * (2 * q + delta * (1 - delta))
        above = b - c - n * delta
        if variance <= 0:
            return float("inf") if above > 0 else float("-inf") if above < 0 else 0.0
        return float(above / sqrt(variance))

    edge = 1 - 1e-12
    low = -1.0 if difference <= -edge else brentq(lambda d: _bounded(score(d)) - Z95, -edge, difference)
    high = 1.0 if difference >= edge else brentq(lambda d: _bounded(score(d)) + Z95, difference, edge)
    return float(low), float(high)


def _bounded(score: float) -> float:
    """A score that a search can subtract from: beyond 1e6 it is as good as infinite."""
    return max(-1e6, min(1e6, score))
