"""A figure with what belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt
from statistics import NormalDist
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

# The 97.5th percentile of the normal distribution, 1.96 rounded.
Z95 = NormalDist().inv_cdf(0.975)


@dataclass(frozen=True)
class Estimate:
    """A value, its standard error, its 95 % interval, and of how many units; None where it is undefined."""

    value: float | None
    se: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def has_interval(self) -> bool:
        """Whether the interval tells anything: units that are all alike, as where all agree, have an error of
        0, and an interval of that width would say that nothing is left to chance.
        """
        return self.low is not None and self.high is not None and self.se != 0


def nothing(n: int = 0) -> Estimate:
    """An estimate of what `n` units say nothing of."""
    return Estimate(None, None, None, None, n)


def around(
    value: float,
    se: float | None,
    n: int,
    *,
    quantile: float = Z95,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """`value` with the interval value ± quantile x se, cut to `bounds`; no interval where se is unknown."""
    if se is None:
        return Estimate(value, None, None, None, n)
    low, high = value - quantile * se, value + quantile * se
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Estimate(value, se, low, high, n)


def t_quantile(df: float) -> float:
    """The 97.5th percentile of Student's t; the normal one for infinite `df`."""
    if not np.isfinite(df):
        return Z95
    from scipy.special import stdtrit

    return float(stdtrit(df, 0.975))


def normal_p(z: float) -> float:
    """Two-sided p of a standard normal deviate; by the complement, which a subtraction from 1 would lose."""
    return erfc(abs(z) / sqrt(2))
