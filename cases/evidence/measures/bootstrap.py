"""Resampling of whole clusters, so that what belongs to one patient stays together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from cases.evidence.measures.estimate import Floats

RESAMPLES = 2000
SEED = 20261


@dataclass(frozen=True)
class Bootstrap:
    """estimate: of the data themselves. mean, se: of the resamples. low, high: their 2.5th and 97.5th
    percentiles. exact: every possible resample was taken, none drawn. undefined: resamples without a value.
    """

    estimate: float
    mean: float
    se: float
    low: float
    high: float
    resamples: int
    seed: int | None
    undefined: int = 0

    @property
    def exact(self) -> bool:
        """Whether all resamples there are were taken."""
        return self.seed is None


def cluster_bootstrap(
    figure: Callable[[NDArray[np.intp]], float],
    clusters: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Bootstrap | None:
    """The bootstrap over clusters (Davison & Hinkley 1997, 2.4 and 3.8; Rutter 2000, Acad Radiol 7:413).

    figure: of the numbers of the clusters drawn, with repeats. Where all k^k resamples are no more than asked
    for, they are enumerated, and the result is exact. Percentiles are values that occur (inverted CDF).
    A figure may be nan, as an AUC without positives is; such resamples are left out and counted. None without
    clusters, and where the figure of all of them is undefined.
    """
    if clusters < 1:
        return None
    estimate = float(figure(np.arange(clusters)))
    if np.isnan(estimate):
        return None
    if clusters**clusters <= resamples:
        drawn = [np.array(each, dtype=np.intp) for each in product(range(clusters), repeat=clusters)]
        used_seed = None
    else:
        generator = np.random.default_rng(seed)
        drawn = [generator.integers(0, clusters, clusters) for _ in range(resamples)]
        used_seed = seed
    values = np.array([figure(each) for each in drawn])
    kept = values[~np.isnan(values)]
    low, high = np.quantile(kept, [0.025, 0.975], method="inverted_cdf")
    return Bootstrap(
        estimate,
        float(kept.mean()),
        float(kept.std()),
        float(low),
        float(high),
        len(values),
        used_seed,
        len(values) - len(kept),
    )


def ratio_of(hits: Sequence[int], n: Sequence[int]) -> Callable[[NDArray[np.intp]], float]:
    """The pooled share Σhits/Σn of the clusters drawn, for `cluster_bootstrap`; hits and n are by cluster."""
    tops: Floats = np.asarray(hits, dtype=np.float64)
    bottoms: Floats = np.asarray(n, dtype=np.float64)

    def figure(drawn: NDArray[np.intp]) -> float:
        total = float(bottoms[drawn].sum())
        return float(tops[drawn].sum()) / total if total else float("nan")

    return figure
