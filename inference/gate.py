"""The input gate: is this a slice like those of the training, and is the network sure?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import ManifestError

METHOD = "mahalanobis"

ACCEPTED, UNCERTAIN, REFUSED = "accepted", "uncertain", "refused"


@dataclass(frozen=True)
class GateVerdict:
    """verdict: accepted, uncertain or refused. distance: from the training images, in the gate's unit.
    confidence: the greatest calibrated probability.
    """

    verdict: str
    distance: float
    confidence: float


@dataclass(frozen=True, eq=False)
class Gate:
    """Mahalanobis distance of an embedding from those of the training (Lee et al. 2018), and thresholds.

    mean: float32 (D,). whitening: float32 (D, K), whose columns turn a difference from the mean into
    coordinates of unit variance. The distance is the root of their mean square, near 1 for an image like the
    training's.
    """

    mean: NDArray[np.float32]
    whitening: NDArray[np.float32]
    refuse_above: float
    uncertain_above: float
    uncertain_below_confidence: float

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], settings: Mapping[str, Any]) -> Gate:
        """Return the gate of a manifest. arrays: `mean` and `whitening`, as they lie with the weights.

        Raises ManifestError weights_mismatch where they are not there or do not fit, manifest_invalid for
        another method.
        """
        if settings["method"] != METHOD:
            raise ManifestError(
                "manifest_invalid", f"No gate of this method is known. Received {settings['method']!r}."
            )
        mean, whitening = arrays.get("mean"), arrays.get("whitening")
        if mean is None or whitening is None or mean.ndim != 1 or whitening.shape[:1] != mean.shape:
            raise ManifestError(
                "weights_mismatch",
                f"The arrays of the input gate do not fit. Received {', '.join(sorted(arrays)) or 'none'}.",
            )
        thresholds = {name: float(value) for name, value in settings.items() if name != "method"}
        return cls(mean.astype(np.float32), whitening.astype(np.float32), **thresholds)

    def as_arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return what lies with the weights."""
        return {"mean": self.mean, "whitening": self.whitening}

    def as_settings(self) -> dict[str, Any]:
        """Return what stands in the manifest."""
        return {
            "method": METHOD,
            "refuse_above": self.refuse_above,
            "uncertain_above": self.uncertain_above,
            "uncertain_below_confidence": self.uncertain_below_confidence,
        }

    def distance(self, embedding: NDArray[np.float32]) -> float:
        """Return the distance of one embedding, float32 (D,), from the training images; NaN for NaN."""
        with np.errstate(invalid="ignore"):
            coordinates = (embedding.astype(np.float64) - self.mean) @ self.whitening.astype(np.float64)
            return float(np.sqrt(np.mean(coordinates**2)))

    def judge(self, embedding: NDArray[np.float32], probabilities: NDArray[np.float64]) -> GateVerdict:
        """Judge one image. embedding: (D,); probabilities: (C,), after the temperature.

        What is not finite is refused: nothing is known about it.
        """
        distance, confidence = self.distance(embedding), float(np.max(probabilities))
        if not (np.isfinite(distance) and np.isfinite(confidence)) or distance > self.refuse_above:
            return GateVerdict(REFUSED, distance, confidence)
        unsure = distance > self.uncertain_above or confidence < self.uncertain_below_confidence
        return GateVerdict(UNCERTAIN if unsure else ACCEPTED, distance, confidence)
