"""Do two engines say the same of the same pictures?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.errors import ManifestError
from inference.formats import Pixels
from inference.predictor import PredictionResult, Predictor

# Of a probability, and of a map's value between 0 and 1.
PROBABILITY_LIMIT, MAP_LIMIT = 1e-4, 1e-2


@dataclass(frozen=True)
class Agreement:
    """The greatest differences over some pictures: of a probability, and of a map's value between 0 and 1."""

    pictures: int
    probability: float
    map_value: float

    @property
    def holds(self) -> bool:
        """Whether both engines may stand for the same model."""
        return self.probability <= PROBABILITY_LIMIT and self.map_value <= MAP_LIMIT


def agreement(one: Predictor, other: Predictor, pictures: Sequence[Pixels]) -> Agreement:
    """Compare what two engines make of the pictures. Maps are compared as they are stored, in 256 steps."""
    pairs = list(zip(one.predict(pictures), other.predict(pictures), strict=True))
    return Agreement(
        pictures=len(pairs),
        probability=max((_probability(*pair) for pair in pairs), default=0.0),
        map_value=max((_map_value(*pair) for pair in pairs), default=0.0),
    )


def require_agreement(one: Predictor, other: Predictor, pictures: Sequence[Pixels]) -> Agreement:
    """Return how far two engines agree. Raises ManifestError engines_disagree where it is not enough."""
    found = agreement(one, other, pictures)
    if not found.holds:
        raise ManifestError(
            "engines_disagree",
            f"The compiled form of {one.manifest.id!r} gives other results than its weights. Received "
            f"probabilities up to {found.probability:.2g} and map values up to {found.map_value:.2g} apart.",
        )
    return found


def _probability(one: PredictionResult, other: PredictionResult) -> float:
    return float(np.abs(np.subtract(one.probabilities, other.probabilities)).max())


def _map_value(one: PredictionResult, other: PredictionResult) -> float:
    return max(
        float(np.abs(values.astype(int) - other.maps.values[layer]).max()) / 255
        for layer, values in one.maps.values.items()
    )
