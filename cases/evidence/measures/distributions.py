"""Tails and quantiles of distributions, by scipy.special alone: scipy.stats takes a second and 70 MB to load,
which the first page that drew a limit had to wait for.
"""

from __future__ import annotations

from math import comb


def chi_squared_tail(value: float, df: float) -> float:
    """P(X >= value) of chi-squared."""
    from scipy.special import chdtrc

    return float(chdtrc(df, value))


def chi_squared_quantile(share: float, df: float) -> float:
    """The value that chi-squared stays below in this share."""
    from scipy.special import gammaincinv

    return 2 * float(gammaincinv(df / 2, share))


def f_tail(value: float, df1: float, df2: float) -> float:
    """P(X >= value) of Fisher's F."""
    from scipy.special import fdtrc

    return float(fdtrc(df1, df2, value))


def half_chance(hits: int, n: int) -> tuple[float, float]:
    """P(X = hits) and P(X <= hits) of n units that are hits by half."""
    from scipy.special import bdtr

    return comb(n, hits) / 2**n, float(bdtr(hits, n, 0.5))


def binomial_quantile(share: float, n: int, p: float) -> int:
    """The fewest hits of n that are reached, or not passed, with at least this probability."""
    from scipy.special import bdtr, bdtrik

    if p <= 0:
        return 0
    hits = max(0, int(-(-bdtrik(share, n, p) // 1)))
    # The inverse is found by iteration, and its ceiling may lie one too high.
    return hits - 1 if hits and bdtr(hits - 1, n, p) >= share else hits


def beta_binomial_quantile(share: float, n: int, a: float, b: float) -> int:
    """The fewest hits of n that are reached, or not passed, with at least this probability, where the chance
    of a hit is itself beta-distributed.
    """
    import numpy as np
    from scipy.special import betaln, gammaln

    hits = np.arange(n + 1)
    ways = gammaln(n + 1) - gammaln(hits + 1) - gammaln(n - hits + 1)
    passed = np.cumsum(np.exp(ways + betaln(hits + a, n - hits + b) - betaln(a, b)))
    return min(n, int(np.searchsorted(passed, share)))
