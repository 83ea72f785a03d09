"""Temperature scaling (Guo et al. 2017), fitted where it is not scored: on the other folds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from inference.errors import DataError
from inference.training.crossvalidation import OutOfFold, probabilities_of, truth_of
from inference.training.intervals import bootstrap_intervals
from inference.training.means import known_groups
from inference.training.metrics import score

# Far beyond what a trained network needs; keeps perfectly separable data from an infinite slope.
_LOG_RANGE = (-3.0, 3.0)
_FIGURES = ("ece", "nll", "brier")


def fit_temperature(logits: NDArray[np.floating[Any]], truth: NDArray[np.int64]) -> float:
    """Return the temperature that divides the logits so that the truth is likeliest, from 0.05 to 20.

    logits: (N, C), N at least 1. truth: (N,) indices of columns.
    """
    own, each = logits.astype(np.float64), np.arange(len(truth))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(own / np.exp(log_temperature), axis=1)[each, truth].mean())

    return float(np.exp(minimize_scalar(loss, bounds=_LOG_RANGE, method="bounded").x))


def cross_fitted(found: OutOfFold) -> dict[int, float]:
    """Return a temperature for each fold, fitted on one image a slice of all other folds.

    Raises DataError data_missing where there is one fold only.
    """
    folds = sorted(set(found.folds.tolist()))
    if len(folds) < 2:
        raise DataError(
            "data_missing", f"A temperature is fitted on other folds than it scores. Received folds {folds}."
        )
    return {fold: _fitted(found, found.first_of_slice & (found.folds != fold)) for fold in folds}


def calibration(found: OutOfFold, *, seed: int = 0) -> dict[str, Any]:
    """Return the temperature that ships, fitted on all folds, and the figures on one image a slice before
    scaling and after scaling with each fold's own, `cross_fitted` one.
    """
    own = cross_fitted(found)
    rows = np.flatnonzero(found.first_of_slice)
    truth = truth_of(found)[rows]
    groups = known_groups([found.samples[row].group for row in rows])
    report: dict[str, Any] = {"temperature": _fitted(found, found.first_of_slice), "n": len(rows)}
    for name, temperatures in (("before", {}), ("after", own)):
        probabilities = probabilities_of(found, temperatures)[rows]
        figures = score(truth, probabilities, found.class_codes).as_dict()
        report[name] = {figure: figures[figure] for figure in _FIGURES}
        if groups is not None:
            drawn = bootstrap_intervals(truth, probabilities, groups, found.class_codes, seed=seed)
            report[name]["interval"] = {figure: drawn[figure] for figure in _FIGURES}
    return report


def _fitted(found: OutOfFold, chosen: NDArray[np.bool_]) -> float:
    return fit_temperature(found.outcome.logits[chosen], truth_of(found)[chosen])
