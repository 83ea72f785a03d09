"""Whether what comes in, and what is said of it, is still what it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log

from cases.evidence.measures.distributions import (
    beta_binomial_quantile,
    binomial_quantile,
    chi_squared_quantile,
)

# The quantiles that a p-chart's limits are: 95 per cent lie between the first two, 99.8 between the others.
_LIMITS = (0.025, 0.975, 0.001, 0.999)


@dataclass(frozen=True)
class ControlPoint:
    """One week of a p-chart, as fractions. alarm: outside of the 99.8 % limits; warning: outside of 95 %."""

    hits: int
    n: int
    value: float | None
    warn_low: float
    warn_high: float
    alarm_low: float
    alarm_high: float

    @property
    def alarm(self) -> bool:
        """Whether chance explains the week less than once in 500."""
        return self.value is not None and not self.alarm_low <= self.value <= self.alarm_high

    @property
    def warning(self) -> bool:
        """Whether chance explains the week less than once in 20."""
        return self.value is not None and not self.warn_low <= self.value <= self.warn_high


def p_chart(
    baseline: float, weeks: list[tuple[int, int]], *, baseline_n: int | None = None
) -> list[ControlPoint]:
    """Shewhart's p-chart of (hits, n) by week against a frozen baseline share (Benneyan 1998, Infect Control
    Hosp Epidemiol 19:194), with limits at 95 and 99.8 % that are quantiles of the exact binomial
    distribution. A week without a unit has no value, and limits as wide as the scale.

    baseline_n: of how many units the baseline's share is; the limits are then those of what comes next after
    these, the beta-binomial distribution with Jeffreys' half units (Brown, Cai & DasGupta 2001, Stat Sci
    16:101). A share of 30 units taken for the truth lets one week of 100 in seven raise an alarm by chance,
    instead of one in 500.
    """
    return [_point(baseline, hits, n, baseline_n) for hits, n in weeks]


def _point(baseline: float, hits: int, n: int, baseline_n: int | None) -> ControlPoint:
    if n == 0:
        return ControlPoint(0, 0, None, 0.0, 1.0, 0.0, 1.0)
    if baseline_n is None:
        limits = [binomial_quantile(share, n, baseline) / n for share in _LIMITS]
    else:
        before = baseline * baseline_n
        known = (before + 0.5, baseline_n - before + 0.5)
        limits = [beta_binomial_quantile(share, n, *known) / n for share in _LIMITS]
    return ControlPoint(hits, n, hits / n, *limits)


def population_stability(baseline: Mapping[str, int], now: Mapping[str, int]) -> float | None:
    """The population stability index Σ(a - e) ln(a/e) over the shares of each class (Siddiqi 2006, Credit
    Risk Scorecards; a symmetric Kullback-Leibler divergence). Below 0.1 little has moved, above 0.25 much
    has.

    A share of 0 has no logarithm: where one is, each class counts half a unit more on both sides. None where
    one side is empty.
    """
    codes = sorted(set(baseline) | set(now))
    if not sum(baseline.values()) or not sum(now.values()):
        return None
    more = 0.0 if all(baseline.get(code) and now.get(code) for code in codes) else 0.5
    expected, actual = _shares(baseline, codes, more), _shares(now, codes, more)
    return sum((a - e) * log(a / e) for a, e in zip(actual, expected, strict=True))


def stability_by_chance(bins: int, baseline: int, now: int) -> float:
    """What the index of `now` units against `baseline` units stays below 99.8 times in 100 where nothing has
    moved: (1/baseline + 1/now) times the quantile of chi-squared with bins - 1 degrees of freedom (Yurdakul
    2018, dissertation, Western Michigan University). Of few units chance alone passes 0.25.
    """
    return chi_squared_quantile(0.998, max(bins - 1, 1)) * (1 / baseline + 1 / now)


def _shares(counts: Mapping[str, int], codes: list[str], more: float) -> list[float]:
    total = sum(counts.values()) + more * len(codes)
    return [(counts.get(code, 0) + more) / total for code in codes]
