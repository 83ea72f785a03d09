"""Figures of a classifier: scikit-learn's where it has them, the calibration error here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, precision_recall_fscore_support

CALIBRATION_BINS = 15


@dataclass(frozen=True)
class ClassFigures:
    """One class against the others. support: images that truly are of the class; where there are none, or
    none was called so, what would be divided by that number is 0.
    """

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class Figures:
    """How well probabilities agree with the truth on n images.

    Macro figures average over the classes that occur among the true labels. confusion: rows true, columns
    predicted, in the order of labels. ece: expected calibration error in 15 bins of equal width (Guo et al.
    2017). brier: squared distance to the truth summed over classes, 0 to 2. nll: natural logarithm.
    """

    n: int
    accuracy: float
    macro_precision: float
    macro_recall: float
    macro_f1: float
    per_class: dict[str, ClassFigures]
    confusion: list[list[int]]
    labels: tuple[str, ...]
    ece: float
    brier: float
    nll: float

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "labels": list(self.labels)}


def score(truth: NDArray[np.int64], probabilities: NDArray[np.float64], codes: Sequence[str]) -> Figures:
    """Return the figures. truth: (N,) indices into codes; probabilities: (N, C), rows sum to 1; N
    at least 1.
    """
    predicted = probabilities.argmax(axis=1)
    every = np.arange(len(codes))
    precision, recall, f1, support = precision_recall_fscore_support(
        truth, predicted, labels=every, zero_division=0
    )
    occurs = support > 0
    return Figures(
        n=len(truth),
        accuracy=float((predicted == truth).mean()),
        macro_precision=float(precision[occurs].mean()),
        macro_recall=float(recall[occurs].mean()),
        macro_f1=float(f1[occurs].mean()),
        per_class={
            code: ClassFigures(float(precision[i]), float(recall[i]), float(f1[i]), int(support[i]))
            for i, code in enumerate(codes)
        },
        confusion=confusion_matrix(truth, predicted, labels=every).tolist(),
        labels=tuple(codes),
        ece=calibration_error(truth, probabilities),
        brier=float(brier_score_loss(truth, probabilities, labels=every, scale_by_half=False)),
        nll=float(log_loss(truth, probabilities, labels=every)),
    )


def calibration_error(truth: NDArray[np.int64], probabilities: NDArray[np.float64]) -> float:
    """Return the mean distance of confidence and accuracy over 15 bins of confidence, weighted by
    their images.
    """
    gaps = (probabilities.argmax(axis=1) == truth) - probabilities.max(axis=1)
    of_bins = np.bincount(confidence_bins(probabilities), weights=gaps, minlength=CALIBRATION_BINS)
    return float(np.abs(of_bins).sum() / len(truth))


def confidence_bins(probabilities: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return int64 (N,), from 0: the bin ((m-1)/15, m/15] that the greatest probability lies in."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    bins: NDArray[np.int64] = np.searchsorted(edges, probabilities.max(axis=1), side="left") - 1
    return bins
