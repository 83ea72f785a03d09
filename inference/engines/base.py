"""The interface of an engine, and the maps that every engine gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

# Below what float32 tells apart from 1, and still finite as a logarithm.
_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, eq=False)
class Explained:
    """What a network says about B tensors. Without explained layers there are no maps.

    logits: float32 (B, C), before the temperature. maps: a layer each, uint8 (B, C, h, w), each map scaled to
    its own maximum. peaks: a layer each, float32 (B, C): these maxima. embedding: float32 (B, D), the means
    over the grid of each explained layer's features.
    """

    logits: NDArray[np.float32]
    maps: list[NDArray[np.uint8]]
    peaks: list[NDArray[np.float32]]
    embedding: NDArray[np.float32]


class Engine(Protocol):
    """A loaded network. Thread-safe."""

    name: str

    def explain(self, tensors: NDArray[np.float32]) -> Explained:
        """Run the network. tensors: float32 (B, S, S, channels), as the preprocessing makes them."""


def logits_of(output: NDArray[np.float32], kind: str) -> NDArray[np.float32]:
    """Return logits, float32 (B, C), of what a network gives. kind: as an External network's output."""
    if kind == "logits":
        return output
    return np.log(np.clip(output, _LEAST_PROBABILITY, 1.0)).astype(np.float32)


def scaled_maps(evidence: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return each map scaled to its own maximum, uint8 (B, C, h, w), and the maxima, float32 (B, C).

    evidence: float32 (B, h, w, C), for a class where it is positive. A class without positive evidence has a
    map of zeros and maximum 0.
    """
    positive = np.maximum(np.moveaxis(evidence, -1, 1), 0.0)
    peaks = positive.max(axis=(2, 3))
    divisors = np.where(peaks > 0.0, peaks, 1.0)[:, :, None, None]
    return np.rint(positive / divisors * np.float32(255.0)).astype(np.uint8), peaks.astype(np.float32)
