"""Shares with the interval that belongs to them, of independent units and of clustered ones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from cases.evidence.measures.estimate import Z95


@dataclass(frozen=True)
class Share:
    """`hits` of `n`, and the 95 % interval; all as fractions, None where there is nothing to count.

    clusters: of how many cases or patients the units are, where they were counted as clustered.
    design_effect: by how much the clusters widen the variance; 1 for independent units.
    """

    hits: int
    n: int
    value: float | None
    low: float | None
    high: float | None
    clusters: int | None = None
    design_effect: float = 1.0

    @property
    def misses(self) -> int:
        """What of `n` is no hit."""
        return self.n - self.hits


def share(hits: int, n: int) -> Share:
    """A share with its Wilson interval (Wilson 1927, JASA 22:209), which also holds near 0 and 1."""
    if n == 0:
        return Share(0, 0, None, None, None)
    low, high = wilson(hits / n, n)
    return Share(hits, n, hits / n, low, high)


def wilson(p: float, n: float) -> tuple[float, float]:
    """The Wilson interval of a share `p` of `n` units, which need be no whole number:
    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), without continuity correction. At p = 0 and 1 the outer
    limit is exactly that.
    """
    spread = Z95**2 / n
    middle = p + spread / 2
    half = Z95 * sqrt(p * (1 - p) / n + spread / (4 * n))
    low = 0.0 if p <= 0 else (middle - half) / (1 + spread)
    high = 1.0 if p >= 1 else (middle + half) / (1 + spread)
    return low, high


def exact_interval(hits: int, n: int) -> tuple[float, float]:
    """The exact interval of Clopper and Pearson (1934, Biometrika 26:404), by quantiles of the beta
    distribution; (0, 1) where n is 0.
    """
    from scipy.special import betaincinv

    low = float(betaincinv(hits, n - hits + 1, 0.025)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 0.975)) if hits < n else 1.0
    return low, high


@dataclass(frozen=True)
class ClusterSums:
    """What the spread between clusters is computed from: over k clusters of h hits among n units the sums of
    n, h, n², hn and h². A database adds them up without telling of any cluster.
    """

    k: int
    n: int
    h: int
    nn: int
    hn: int
    hh: int

    @classmethod
    def of(cls, clusters: Iterable[tuple[int, int]]) -> ClusterSums:
        """From (hits, n) by cluster; h may also be a difference, and negative. An empty cluster is none."""
        found = [(h, n) for h, n in clusters if n]
        return cls(
            k=len(found),
            n=sum(n for _h, n in found),
            h=sum(h for h, _n in found),
            nn=sum(n * n for _h, n in found),
            hn=sum(h * n for h, n in found),
            hh=sum(h * h for h, _n in found),
        )

    @property
    def ratio(self) -> float:
        """Σh/Σn."""
        return self.h / self.n

    @property
    def variance(self) -> float:
        """The linearised variance of the ratio over at least two clusters (`clustered_share`)."""
        p = self.ratio
        spread = self.hh - 2 * p * self.hn + p * p * self.nn
        return self.k / (self.k - 1) * max(spread, 0.0) / self.n**2

    def effect(self, naive: float) -> float:
        """By how much clusters multiply a variance that is `naive` for independent units; at least 1. Without
        any spread, or of one cluster, each cluster is one unit.
        """
        if self.n == self.k:
            return 1.0
        if self.k == 1 or naive <= 0:
            return self.n / self.k
        return max(1.0, self.variance / naive)


def clustered_share(clusters: Iterable[tuple[int, int]]) -> Share:
    """The pooled share of (hits, n) by cluster, with Wilson's interval on the effective n = N / design
    effect.

    The share is a ratio of sums p = Σh/Σn, with the standard error √(k/(k-1) Σ(h_i - p n_i)²) / N (Cochran
    1977, 6; Rao & Scott 1992, Biometrics 48:577; Genders et al. 2012, Radiology 265:910). The design effect
    is the square of that over the error of independent units √(p(1-p)/N), and at least 1: a share that
    clusters seem to sharpen is not believed. One cluster alone says nothing of the spread between clusters:
    the interval is then that of one unit. All right or all wrong leave no spread either: then each cluster is
    one unit.
    """
    return share_of_sums(ClusterSums.of(clusters))


def share_of_sums(sums: ClusterSums) -> Share:
    """The clustered share from sums over its clusters (`clustered_share`)."""
    if not sums.n:
        return Share(0, 0, None, None, None, clusters=0)
    p = sums.ratio
    effect = sums.effect(naive_se(p, sums.n) ** 2)
    low, high = wilson(p, sums.n / effect)
    return Share(sums.h, sums.n, p, low, high, sums.k, effect)


def linearised_se(clusters: Iterable[tuple[int, int]]) -> float:
    """The standard error of a ratio of sums over at least two clusters of (hits, n) (`clustered_share`)."""
    return sqrt(ClusterSums.of(clusters).variance)


def naive_se(p: float, n: int) -> float:
    """The standard error √(p(1-p)/n) of a share of independent units."""
    return sqrt(p * (1 - p) / n)
