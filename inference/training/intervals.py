"""95 % intervals that respect patients: whole groups are drawn, since images of one patient are not
independent.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.training.metrics import CALIBRATION_BINS, confidence_bins

_SINGLE = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "ece", "brier", "nll")
_OF_CLASS = ("precision", "recall", "f1")

# Figure to its value in every draw, float64 (D,); a class's figures are named "<code>/<figure>".
Draws = Mapping[str, NDArray[np.float64]]


def bootstrap_intervals(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    groups: Sequence[str],
    codes: Sequence[str],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the 2.5th and 97.5th percentile of every figure over `draws` samples of the groups with
    replacement.

    groups: (N,) the group of each image. Returns figure to [low, high], and under per_class the same by
    class; a class that a draw misses is left out of that draw. draws and groups are given beside.
    """
    return intervals_of(bootstrap(truth, probabilities, groups, codes, draws=draws, seed=seed), groups, codes)


def bootstrap(
    truth: NDArray[np.int64],
    probabilities: NDArray[np.float64],
    groups: Sequence[str],
    codes: Sequence[str],
    *,
    draws: int = 1000,
    seed: int = 0,
) -> Draws:
    """Return the figures that `metrics.score` would give on each draw; nan for a class that a draw misses.

    The same groups and seed give the same draws, so that the figures of two models on the same images can be
    subtracted draw by draw. Every figure follows from sums over images, hence from sums over groups.
    """
    drawn = drawn_sums(_summands(truth, probabilities, len(codes)), groups, draws=draws, seed=seed)
    return _figures(drawn, codes)


def drawn_sums(
    summands: NDArray[np.float64], groups: Sequence[str], *, draws: int, seed: int
) -> NDArray[np.float64]:
    """Return (D, K): what (N, K) adds up to over the images of each draw of the groups with replacement."""
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.zeros((len(names), summands.shape[1]))
    np.add.at(sums, member, summands)
    drawn: NDArray[np.float64] = _times_drawn(len(names), draws, seed) @ sums
    return drawn


@functools.lru_cache(maxsize=8)
def _times_drawn(count: int, draws: int, seed: int) -> NDArray[np.float64]:
    """(D, count): how often each of `count` groups is in each draw. A report asks often."""
    rng = np.random.default_rng(seed)
    picks = [rng.integers(0, count, count) for _ in range(draws)]
    times = np.stack([np.bincount(pick, minlength=count) for pick in picks]).astype(np.float64)
    times.flags.writeable = False
    return times


def intervals_of(drawn: Draws, groups: Sequence[str], codes: Sequence[str]) -> dict[str, Any]:
    """Return what `bootstrap_intervals` says, from draws that are there already."""
    per_class = {
        code: {name: interval_of(drawn[f"{code}/{name}"]) for name in _OF_CLASS}
        for code in codes
        if np.isfinite(drawn[f"{code}/f1"]).any()
    }
    single = {name: interval_of(drawn[name]) for name in _SINGLE}
    return {**single, "per_class": per_class, "groups": len(set(groups)), "draws": len(drawn["accuracy"])}


def interval_of(values: NDArray[np.float64]) -> list[float]:
    """Return the 2.5th and the 97.5th percentile; nan does not count."""
    low, high = np.nanpercentile(values, (2.5, 97.5)).tolist()
    return [low, high]


def _summands(
    truth: NDArray[np.int64], probabilities: NDArray[np.float64], classes: int
) -> NDArray[np.float64]:
    """(N, K): an image's cell of the confusion matrix, its gap in its bin of confidence, Brier score, nll."""
    every = np.arange(len(truth))
    predicted, right = probabilities.argmax(axis=1), np.eye(classes)[truth]
    cells = np.zeros((len(truth), classes**2))
    cells[every, truth * classes + predicted] = 1.0
    gaps = np.zeros((len(truth), CALIBRATION_BINS))
    gaps[every, confidence_bins(probabilities)] = (predicted == truth) - probabilities.max(axis=1)
    brier = ((probabilities - right) ** 2).sum(axis=1)
    # Clipped as scikit-learn does it, so that a certain error stays finite.
    smallest = np.finfo(np.float64).eps
    nll = -np.log(np.clip(probabilities[every, truth], smallest, 1.0 - smallest))
    return np.column_stack([cells, gaps, brier, nll])


def _figures(sums: NDArray[np.float64], codes: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """sums: (D, K), what each draw's images add up to in the columns of `_summands`."""
    classes = len(codes)
    confusion = sums[:, : classes**2].reshape(-1, classes, classes)
    gaps, brier, nll = sums[:, classes**2 : -2], sums[:, -2], sums[:, -1]
    images = confusion.sum(axis=(1, 2))
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    support, predicted = confusion.sum(axis=2), confusion.sum(axis=1)
    missed = support == 0
    of_class = {
        "precision": np.where(missed, np.nan, hits / np.maximum(predicted, 1)),
        "recall": np.where(missed, np.nan, hits / np.maximum(support, 1)),
        "f1": np.where(missed, np.nan, 2 * hits / np.maximum(support + predicted, 1)),
    }
    return {
        "accuracy": hits.sum(axis=1) / images,
        **{f"macro_{name}": np.nanmean(values, axis=1) for name, values in of_class.items()},
        "ece": np.abs(gaps).sum(axis=1) / images,
        "brier": brier / images,
        "nll": nll / images,
        **{
            f"{code}/{name}": values[:, index]
            for index, code in enumerate(codes)
            for name, values in of_class.items()
        },
    }
