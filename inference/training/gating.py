"""The input gate's fit: where the training images lie, and how far from them other patients' slices lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf

from inference.formats import Pixels
from inference.gate import Gate
from inference.predictor import Predictor
from inference.training.progress import Progress, silent

# Of slices of patients that were not trained on: this share is refused, and this share too far to be sure.
REFUSED_SHARE = 0.005
DISTANT_SHARE = 0.025
# Of the slices that are answered without reserve, this share must be right.
SURE_ACCURACY = 0.98

_BATCH = 64


@dataclass(frozen=True)
class Thresholds:
    """A gate's thresholds: two distances, in the gate's unit, and a calibrated probability."""

    refuse_above: float
    uncertain_above: float
    uncertain_below_confidence: float


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network says about N pictures. embeddings: float32 (N, D). logits: float32 (N, C), before the
    temperature.
    """

    embeddings: NDArray[np.float32]
    logits: NDArray[np.float32]


def fit_gate(embeddings: NDArray[np.float32], thresholds: Thresholds) -> Gate:
    """Return the gate around the embeddings of the training images, float32 (N, D), N at least 2.

    One Gaussian with a covariance that is shrunk towards a sphere (Ledoit and Wolf 2004), since N is not much
    greater than D.
    """
    gaussian = LedoitWolf().fit(embeddings.astype(np.float64))
    # Coordinates of unit variance: the precision is the product of this triangle and its transpose.
    whitening = np.linalg.cholesky(gaussian.precision_)
    return Gate(
        mean=gaussian.location_.astype(np.float32),
        whitening=whitening.astype(np.float32),
        refuse_above=thresholds.refuse_above,
        uncertain_above=thresholds.uncertain_above,
        uncertain_below_confidence=thresholds.uncertain_below_confidence,
    )


def thresholds_of(
    distances: NDArray[np.float64], confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> Thresholds:
    """Return the thresholds that slices of unseen patients ask for.

    distances, confidence (N,): of each slice by a network that did not learn from its patient; confidence:
    its greatest calibrated probability. right (N,): whether that class is the true one.
    """
    return Thresholds(
        refuse_above=float(np.quantile(distances, 1 - REFUSED_SHARE)),
        uncertain_above=float(np.quantile(distances, 1 - DISTANT_SHARE)),
        uncertain_below_confidence=_sure_from(confidence, right),
    )


def answers(predictor: Predictor, pictures: Sequence[Pixels], progress: Progress = silent) -> Answers:
    """Return what the network says about every picture. progress: told how many of how many are done."""
    results = []
    for start in range(0, len(pictures), _BATCH):
        results += predictor.predict(pictures[start : start + _BATCH])
        progress(len(results), len(pictures))
    return Answers(
        np.stack([each.embedding for each in results]),
        np.array([each.logits for each in results], np.float32),
    )


def distances_from(gate: Gate, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return float64 (N,): the distance of each embedding, (N, D)."""
    return np.array([gate.distance(each) for each in embeddings], np.float64)


def _sure_from(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """The least confidence from which SURE_ACCURACY of the answers are right; 1 where none is high enough."""
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    enough: NDArray[Any] = np.flatnonzero(accuracy >= SURE_ACCURACY)
    return float(confidence[order[enough[-1]]]) if enough.size else 1.0
