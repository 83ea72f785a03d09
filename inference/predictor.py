"""Prediction: pixels and a manifest in, probabilities and Grad-CAM maps out, by whichever engine runs here.

Importing this module loads no engine; `Predictor.load` does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.engines import Engine, load_engine
from inference.formats import Pixels
from inference.gate import Gate, GateVerdict
from inference.heatmaps import MapSet
from inference.manifest import Manifest, verify_weights
from inference.preprocessing import Letterbox, to_channels, to_tensor_and_square
from inference.weights import read_gate

# Something that times a step, by the step's name.
Step: TypeAlias = Callable[[str], AbstractContextManager[object]]
# Bounds the memory of the gradients; larger batches gain nothing on a CPU.
_CHUNK = 8


@dataclass(frozen=True, eq=False)
class PredictionResult:
    """What the network says about one image.

    probabilities: in the order of class_codes, summing to 1. predicted: the code of the greatest. logits:
    before the temperature. maps: of no layer where the model gives none. embedding: float32 (D,), the means
    over the grid of each explained layer's features. gate: what the input gate says; None where the model has
    none.
    """

    model_id: str
    class_codes: tuple[str, ...]
    probabilities: tuple[float, ...]
    predicted: str
    maps: MapSet
    logits: tuple[float, ...]
    embedding: NDArray[np.float32]
    gate: GateVerdict | None


class Predictor:
    """A model in its engine. Thread-safe, as engines are."""

    def __init__(self, manifest: Manifest, engine: Engine, gate: Gate | None = None) -> None:
        self.manifest = manifest
        self.engine = engine
        self._gate = gate

    @classmethod
    def load(cls, manifest: Manifest, engine: str | None = None, threads: int | None = None) -> Predictor:
        """Load the model's files into an engine and run it once, so that the first image need not wait.

        engine, threads: as `load_engine` takes them. Raises ManifestError weights_missing,
        weights_mismatch, compiled_unfit, engine_unfit or engine_missing.
        """
        gate = None
        if manifest.gate is not None:
            gate = Gate.from_arrays(read_gate(verify_weights(manifest)), manifest.gate)
        predictor = cls(manifest, load_engine(manifest, engine, threads), gate)
        predictor.predict([np.zeros((manifest.input_size, manifest.input_size), np.uint8)])
        return predictor

    def predict(self, batch: Sequence[Pixels], step: Step = nullcontext) -> list[PredictionResult]:
        """Return one result an image, in order. batch: decoded pixels of any sizes, as `read_image`
        gives them. step: is entered round "tensor" and "network", for who wants to know how long they take.
        """
        results: list[PredictionResult] = []
        for start in range(0, len(batch), _CHUNK):
            with step("tensor"):
                chunk = batch[start : start + _CHUNK]
                prepared = [self._prepared(pixels) for pixels in chunk]
            with step("network"):
                squares = [square for _, square in prepared]
                results += self._results(np.stack([tensor for tensor, _ in prepared]), squares)
        return results

    def _prepared(self, pixels: Pixels) -> tuple[NDArray[np.float32], Letterbox]:
        """The tensor, and the square on the picture that it covers."""
        preprocessing = self.manifest.preprocessing
        tensor, square = to_tensor_and_square(pixels, self.manifest.input_size, preprocessing)
        return to_channels(tensor, preprocessing), square

    def _results(self, tensors: NDArray[np.float32], squares: Sequence[Letterbox]) -> list[PredictionResult]:
        found = self.engine.explain(tensors)
        shares = _softmax(found.logits.astype(np.float64) / self.manifest.temperature)
        return [
            self._result(
                shares[row],
                [layer[row] for layer in found.maps],
                [layer[row] for layer in found.peaks],
                found.logits[row],
                found.embedding[row],
                squares[row],
            )
            for row in range(len(shares))
        ]

    def _result(
        self,
        shares: NDArray[np.float64],
        maps: list[NDArray[np.uint8]],
        scales: list[NDArray[np.float32]],
        logits: NDArray[np.float32],
        embedding: NDArray[np.float32],
        square: Letterbox,
    ) -> PredictionResult:
        codes, layers = self.manifest.class_codes, self.manifest.layer_names
        return PredictionResult(
            model_id=self.manifest.id,
            class_codes=codes,
            probabilities=tuple(float(share) for share in shares),
            predicted=codes[int(shares.argmax())],
            maps=MapSet(
                layers=layers,
                class_codes=codes,
                values=dict(zip(layers, maps, strict=True)),
                scales=dict(zip(layers, scales, strict=True)),
                square=square,
            ),
            logits=tuple(float(logit) for logit in logits),
            embedding=embedding,
            gate=self._gate.judge(embedding, shares) if self._gate else None,
        )


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B, C) each; rows sum to 1. Workers do without scipy, which is larger than all else that they load."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
