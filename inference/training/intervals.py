"""95 % intervals that respect patients: whole groups are drawn, since images of one patient are not
independent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.training.metrics import Figures, score

_SINGLE = ("accuracy", "macro_precision", "macro_recall", "macro_f1", "ece", "brier", "nll")
_OF_CLASS = ("precision", "recall", "f1")


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
    members = _members(groups)
    rng = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {}
    for _ in range(draws):
        chosen = np.concatenate([members[pick] for pick in rng.integers(0, len(members), len(members))])
        for name, value in _flat(score(truth[chosen], probabilities[chosen], codes)).items():
            drawn.setdefault(name, []).append(value)
    return {**_nested(drawn, codes), "groups": len(members), "draws": draws}


def _members(groups: Sequence[str]) -> list[NDArray[np.int64]]:
    names, index = np.unique(np.asarray(groups), return_inverse=True)
    return [np.flatnonzero(index == number) for number in range(len(names))]


def _flat(figures: Figures) -> dict[str, float]:
    flat = {name: float(getattr(figures, name)) for name in _SINGLE}
    for code, of_class in figures.per_class.items():
        if of_class.support:
            flat |= {f"{code}/{name}": float(getattr(of_class, name)) for name in _OF_CLASS}
    return flat


def _nested(drawn: Mapping[str, list[float]], codes: Sequence[str]) -> dict[str, Any]:
    bounds = {name: np.percentile(values, (2.5, 97.5)).tolist() for name, values in drawn.items()}
    per_class = {
        code: {name: bounds[f"{code}/{name}"] for name in _OF_CLASS}
        for code in codes
        if f"{code}/f1" in bounds
    }
    return {**{name: bounds[name] for name in _SINGLE}, "per_class": per_class}
