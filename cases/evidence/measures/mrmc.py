"""Several readers, the same cases, two or more conditions: the analysis of Obuchowski and Rockette.

Obuchowski & Rockette 1995, Commun Stat Simul 24:285; Hillis 2007, Stat Med 26:596; Hillis 2014, Stat Med
33:330. Arrays of ratings are (conditions, readers, cases).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cases.evidence.measures.auc import delong_covariance, placements
from cases.evidence.measures.distributions import chi_squared_tail, f_tail
from cases.evidence.measures.estimate import Estimate, Floats, around, t_quantile


class Figure(StrEnum):
    """What is compared of each reader under each condition."""

    AUC = "auc"
    SENSITIVITY = "sensitivity"
    SPECIFICITY = "specificity"


@dataclass(frozen=True)
class Components:
    """Mean squares and mean (co)variances. cov1: of one reader; cov2: of one condition; cov3: of neither.

    var_r, var_tr: the components of readers, and of readers by condition; as estimated, so that they may be
    negative. ms_tr and what needs it is None for one reader.
    """

    ms_t: float | None
    ms_r: float | None
    ms_tr: float | None
    var_error: float
    cov1: float
    cov2: float
    cov3: float
    var_r: float | None
    var_tr: float | None


@dataclass(frozen=True)
class Test:
    """One of the three analyses: the statistic that all conditions are alike, and each difference.

    statistic: F of (df1, df2); of fixed readers X², of df1. differences: of each pair of conditions (i, j),
    first less second, with its interval.
    """

    statistic: float
    df1: int
    df2: float | None
    p: float
    differences: dict[tuple[int, int], Estimate]


@dataclass(frozen=True)
class Mrmc:
    """values: the figure by condition and reader, (t, r). means: by condition, each with its own interval
    from that condition alone. random: readers and cases random, the primary analysis. fixed_readers: for
    these readers. fixed_cases: for these cases, without covariances. None where the design does not allow
    one: random and fixed_cases want two readers, all three two conditions.
    """

    figure: Figure
    values: Floats
    components: Components
    means: list[Estimate]
    random: Test | None
    fixed_readers: Test | None
    fixed_cases: Test | None
    readers: int
    cases: int


class Uncrossed(ValueError):
    """The ratings do not allow the analysis: a reader did not read all, or a side has too few cases."""


def mrmc(
    truth: ArrayLike,
    ratings: ArrayLike,
    figure: Figure = Figure.AUC,
    *,
    positive_from: float | None = None,
    use_delong: bool = False,
) -> Mrmc:
    """Analyse ratings (t, r, cases) of a fully crossed design.

    Sensitivity and specificity call a case positive from the rating `positive_from` on, and jackknife over
    that side's own cases alone. use_delong: covariances of AUCs after DeLong instead of by the jackknife.
    Raises Uncrossed where a rating is missing (nan), or a side has fewer than two cases.
    """
    is_positive = np.asarray(truth, dtype=bool)
    values = np.asarray(ratings, dtype=np.float64)
    _check(is_positive, values)
    conditions, readers, cases = values.shape
    flat = values.reshape(conditions * readers, cases)
    if figure is Figure.AUC:
        theta, left_out = _aucs(is_positive, flat)
    else:
        if positive_from is None:
            raise ValueError("Sensitivity and specificity need the rating from which a case is positive.")
        on_side = is_positive if figure is Figure.SENSITIVITY else ~is_positive
        theta, left_out = _shares(((flat >= positive_from) == is_positive[None, :])[:, on_side])
    if use_delong and figure is Figure.AUC:
        covariance = delong_covariance(is_positive, flat)
        assert covariance is not None  # noqa: S101 - _check has seen two cases on either side
    else:
        covariance = jackknife_covariance(left_out)
    return analyse(figure, theta.reshape(conditions, readers), covariance, cases)


def _check(is_positive: NDArray[np.bool_], ratings: Floats) -> None:
    if ratings.ndim != 3:  # noqa: PLR2004 - conditions, readers, cases
        raise Uncrossed(f"Ratings are (conditions, readers, cases); received {ratings.ndim} dimensions.")
    if np.isnan(ratings).any():
        raise Uncrossed("Every reader rates every case under every condition; ratings are missing.")
    fewest = min(int(is_positive.sum()), int((~is_positive).sum()))
    if fewest < 2:  # noqa: PLR2004 - one case has no spread
        raise Uncrossed(f"Both sides need two cases; received {fewest} on one.")


def _aucs(is_positive: NDArray[np.bool_], ratings: Floats) -> tuple[Floats, Floats]:
    """The AUC of each row of ratings, and those with each case left out: (m,) and (m, cases)."""
    theta, left_out = np.empty(len(ratings)), np.empty(ratings.shape)
    for row, scores in enumerate(ratings):
        of_positives, of_negatives = placements(scores[is_positive], scores[~is_positive])
        n1, n0 = len(of_positives), len(of_negatives)
        theta[row] = of_positives.mean()
        left_out[row, is_positive] = (n1 * theta[row] - of_positives) / (n1 - 1)
        left_out[row, ~is_positive] = (n0 * theta[row] - of_negatives) / (n0 - 1)
    return theta, left_out


def _shares(right: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """The share right of each row, and those with each case left out."""
    n = right.shape[1]
    return right.mean(axis=1), (right.sum(axis=1, keepdims=True) - right) / (n - 1)


def jackknife_covariance(left_out: Floats) -> Floats:
    """The covariance (m, m) of m figures from their values with each of n cases left out, (m, n):
    (n-1)/n Σ(θ_-k - mean)(θ_-k - mean)ᵀ (Quenouille 1956; Efron & Tibshirani 1993, 11).
    """
    n = left_out.shape[1]
    apart = left_out - left_out.mean(axis=1, keepdims=True)
    return np.asarray((n - 1) / n * (apart @ apart.T), dtype=np.float64)


def analyse(figure: Figure, theta: Floats, covariance: Floats, cases: int) -> Mrmc:
    """The three analyses from figures (t, r) and their covariance (t·r, t·r), conditions outermost."""
    conditions, readers = theta.shape
    found = _components(theta, covariance)
    means = [_alone(theta[t], covariance, t) for t in range(conditions)]
    tests = _tests(theta, found) if conditions > 1 else (None, None, None)
    return Mrmc(figure, theta, found, means, *tests, readers, cases)


def _components(theta: Floats, covariance: Floats) -> Components:
    t, r = theta.shape
    condition, reader = np.divmod(np.arange(t * r), r)
    same_condition = condition[:, None] == condition[None, :]
    same_reader = reader[:, None] == reader[None, :]
    var_error = float(covariance.diagonal().mean())
    cov1 = _mean(covariance[same_reader & ~same_condition])
    cov2 = _mean(covariance[same_condition & ~same_reader])
    cov3 = _mean(covariance[~same_condition & ~same_reader])
    by_t, by_r, overall = theta.mean(axis=1), theta.mean(axis=0), theta.mean()
    ms_t = float(r * ((by_t - overall) ** 2).sum() / (t - 1)) if t > 1 else None
    ms_r = float(t * ((by_r - overall) ** 2).sum() / (r - 1)) if r > 1 else None
    ms_tr = var_r = var_tr = None
    if t > 1 and r > 1 and ms_r is not None:
        rest = theta - by_t[:, None] - by_r[None, :] + overall
        ms_tr = float((rest**2).sum() / ((t - 1) * (r - 1)))
        var_r = (ms_r - ms_tr) / t - cov1 + cov3
        var_tr = ms_tr - var_error + cov1 + max(cov2 - cov3, 0)
    return Components(ms_t, ms_r, ms_tr, var_error, cov1, cov2, cov3, var_r, var_tr)


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else 0.0


def _alone(theta: Floats, covariance: Floats, condition: int) -> Estimate:
    """The mean of one condition's readers: D = MS(R) + r·max(Cov2, 0), SE √(D/r), df D²/(MS(R)²/(r-1)). One
    reader alone: the error of the cases.
    """
    r = len(theta)
    own = covariance[condition * r : (condition + 1) * r, condition * r : (condition + 1) * r]
    if r == 1:
        return around(float(theta[0]), float(np.sqrt(max(own[0, 0], 0))), r)
    cov2 = (own.sum() - own.trace()) / (r * (r - 1))
    ms_r = float(((theta - theta.mean()) ** 2).sum() / (r - 1))
    d = ms_r + r * max(cov2, 0)
    df = d**2 / (ms_r**2 / (r - 1)) if ms_r > 0 else float("inf")
    return around(float(theta.mean()), float(np.sqrt(d / r)), r, quantile=t_quantile(df))


def _tests(theta: Floats, found: Components) -> tuple[Test | None, Test | None, Test | None]:
    t, r = theta.shape
    between = max(found.cov2 - found.cov3, 0)
    of_cases = found.var_error - found.cov1 + (r - 1) * between
    fixed_readers = _chi_squared(theta, found, of_cases)
    if found.ms_tr is None:
        return None, fixed_readers, None
    ms_tr, inner = found.ms_tr, (t - 1) * (r - 1)
    d = ms_tr + r * between
    df = d**2 / (ms_tr**2 / inner) if ms_tr > 0 else float("inf")
    return _f(theta, found, d, df), fixed_readers, _f(theta, found, ms_tr, float(inner))


def _f(theta: Floats, found: Components, denominator: float, df: float) -> Test | None:
    """F = MS(T) / denominator, and SE of a difference √(2·denominator/r) with t; None where all is alike."""
    if denominator <= 0 or found.ms_t is None:
        return None
    t, r = theta.shape
    statistic = found.ms_t / denominator
    t_is_normal = not np.isfinite(df)
    p = chi_squared_tail(statistic * (t - 1), t - 1) if t_is_normal else f_tail(statistic, t - 1, df)
    differences = _differences(theta, float(np.sqrt(2 * denominator / r)), t_quantile(df))
    return Test(statistic, t - 1, df, p, differences)


def _chi_squared(theta: Floats, found: Components, denominator: float) -> Test | None:
    """Fixed readers: X² = (t-1)·MS(T) / denominator, and SE √(2·denominator/r) with normal limits."""
    if denominator <= 0 or found.ms_t is None:
        return None
    t, r = theta.shape
    statistic = (t - 1) * found.ms_t / denominator
    differences = _differences(theta, float(np.sqrt(2 * denominator / r)), t_quantile(float("inf")))
    return Test(statistic, t - 1, None, chi_squared_tail(statistic, t - 1), differences)


def _differences(theta: Floats, se: float, quantile: float) -> dict[tuple[int, int], Estimate]:
    means, r = theta.mean(axis=1), theta.shape[1]
    return {
        (i, j): around(float(means[i] - means[j]), se, r, quantile=quantile)
        for i, j in combinations(range(len(means)), 2)
    }


@dataclass(frozen=True)
class Dbm:
    """The analysis of variance of jackknife pseudovalues (Dorfman, Berbaum & Metz 1992, Invest Radiol
    27:723): its mean squares, and the F of random readers and cases, which is that of Obuchowski and
    Rockette.
    """

    ms_t: float
    ms_tr: float
    ms_tc: float
    ms_trc: float
    f: float
    df1: int
    df2: float
    p: float


def dbm(truth: ArrayLike, ratings: ArrayLike) -> Dbm | None:
    """DBM on AUCs: F = MS(T) / (MS(TR) + max(MS(TC) - MS(TRC), 0)). None for one reader or condition."""
    is_positive, values = np.asarray(truth, dtype=bool), np.asarray(ratings, dtype=np.float64)
    _check(is_positive, values)
    t, r, n = values.shape
    if t < 2 or r < 2:  # noqa: PLR2004 - nothing to compare
        return None
    theta, left_out = _aucs(is_positive, values.reshape(t * r, n))
    pseudo = (n * theta[:, None] - (n - 1) * left_out).reshape(t, r, n)
    ms_t = r * n * _square(_effect(pseudo, (0,))) / (t - 1)
    ms_tr = n * _square(_effect(pseudo, (0, 1))) / ((t - 1) * (r - 1))
    ms_tc = r * _square(_effect(pseudo, (0, 2))) / ((t - 1) * (n - 1))
    ms_trc = _square(_effect(pseudo, (0, 1, 2))) / ((t - 1) * (r - 1) * (n - 1))
    d = ms_tr + max(ms_tc - ms_trc, 0)
    if d <= 0:
        return None
    df = d**2 / (ms_tr**2 / ((t - 1) * (r - 1))) if ms_tr > 0 else float("inf")
    return Dbm(ms_t, ms_tr, ms_tc, ms_trc, ms_t / d, t - 1, df, f_tail(ms_t / d, t - 1, df))


def _square(effect: Floats) -> float:
    return float((effect**2).sum())


def _effect(values: Floats, axes: tuple[int, ...]) -> Floats:
    """The (interaction) effect of some axes in a full factorial: their means, less every lower effect."""
    effect = values.mean(axis=tuple(axis for axis in range(values.ndim) if axis not in axes), keepdims=True)
    for axis in axes:
        effect = effect - effect.mean(axis=axis, keepdims=True)
    return np.asarray(effect, dtype=np.float64)
