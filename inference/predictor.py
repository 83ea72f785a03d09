"""Prediction: pixels and a manifest in, probabilities and Grad-CAM maps out of one compiled function.

Importing this module loads TensorFlow. Only workers and the command line do so; a process that forks must
import it after the fork.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import softmax

from inference.formats import Pixels
from inference.gate import Gate, GateVerdict
from inference.heatmaps import MapSet
from inference.manifest import Manifest, verify_weights
from inference.networks import build_network, load_weights
from inference.preprocessing import to_tensor

logger = logging.getLogger(__name__)

# Bounds the memory of the gradients; larger batches gain nothing on a CPU.
_CHUNK = 8


@dataclass(frozen=True, eq=False)
class PredictionResult:
    """What the network says about one image.

    probabilities: in the order of class_codes, summing to 1. predicted: the code of the greatest. logits:
    before the temperature. embedding: float32 (D,), the means over the grid of each explained layer's
    features. gate: what the input gate says; None where the model has none.
    """

    model_id: str
    class_codes: tuple[str, ...]
    probabilities: tuple[float, ...]
    predicted: str
    maps: MapSet
    logits: tuple[float, ...]
    embedding: NDArray[np.float32]
    gate: GateVerdict | None


@functools.cache
def configure_tensorflow(threads: int) -> None:
    """Give TensorFlow this many threads within and one between operations. Call before the first prediction.

    Once TensorFlow runs its threads are fixed: a later, different wish is logged and changes nothing.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        logger.warning("TensorFlow runs already; its number of threads stays as it is.")


class Predictor:
    """A loaded network. Thread-safe: the compiled function holds no state.

    parameters: how many numbers its layers hold.
    """

    def __init__(self, manifest: Manifest, model: keras.Model, gate: Gate | None = None) -> None:
        self.manifest = manifest
        self.parameters = int(model.count_params())
        self._gate = gate
        self._explain = compile_explainer(model, manifest.layer_names)

    @classmethod
    def load(cls, manifest: Manifest) -> Predictor:
        """Build the manifest's network, load its weights and run it once, so that the first image need not
        wait.

        Raises ManifestError weights_missing or weights_mismatch.
        """
        path = verify_weights(manifest)
        model = build_network(manifest.network, manifest.input_size, len(manifest.classes))
        arrays = load_weights(model, path.read_bytes())
        predictor = cls(manifest, model, _gate_of(manifest, arrays))
        predictor.predict([np.zeros((manifest.input_size, manifest.input_size), np.uint8)])
        return predictor

    def predict(self, batch: Sequence[Pixels]) -> list[PredictionResult]:
        """Return one result an image, in order. batch: decoded pixels of any sizes, as `read_image`
        gives them.
        """
        size = self.manifest.input_size
        results: list[PredictionResult] = []
        for start in range(0, len(batch), _CHUNK):
            tensors = np.stack([to_tensor(pixels, size) for pixels in batch[start : start + _CHUNK]])
            results += self._results(tensors)
        return results

    def _results(self, tensors: NDArray[np.float32]) -> list[PredictionResult]:
        logits, values, scales, embeddings = (_fetched(each) for each in self._explain(tensors))
        shares = softmax(logits.astype(np.float64) / self.manifest.temperature, axis=1)
        return [
            self._result(
                shares[row],
                [layer[row] for layer in values],
                [layer[row] for layer in scales],
                logits[row],
                embeddings[row],
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
            ),
            logits=tuple(float(logit) for logit in logits),
            embedding=embedding,
            gate=self._gate.judge(embedding, shares) if self._gate else None,
        )


def _fetched(found: Any) -> Any:
    return [each.numpy() for each in found] if isinstance(found, list) else found.numpy()


def _gate_of(manifest: Manifest, arrays: Mapping[str, NDArray[np.generic]]) -> Gate | None:
    return Gate.from_arrays(arrays, manifest.gate) if manifest.gate is not None else None


Explainer = Callable[[NDArray[np.float32]], tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor], tf.Tensor]]


def compile_explainer(model: keras.Model, layer_names: Sequence[str]) -> Explainer:
    """Return the compiled function from tensors to logits, all maps, and the embedding.

    It takes float32 (B, S, S, 1) and returns logits float32 (B, C); a layer each, maps uint8 (B, C, h, w) and
    their maxima float32 (B, C); and the embedding float32 (B, D), the means of the layers' features. A class
    without positive evidence has a map of zeros and maximum 0.

    Grad-CAM after Selvaraju et al. 2017: the gradient of a class's logit, averaged over a layer's grid,
    weighs that layer's rectified features. One trace serves every batch size. No XLA: it was slower here.
    """
    taps = keras.Model(model.inputs, [model.output, *(model.get_layer(name).output for name in layer_names)])
    shape = (None, *model.inputs[0].shape[1:])

    def explain(tensors: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor], tf.Tensor]:
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as tape:
            tape.watch(tensors)
            logits, *features = taps(tensors, training=False)
            scores = tf.unstack(logits, axis=1)
        gradients = [tape.gradient(score, features) for score in scores]
        maps = [
            _grad_cam(layer, [by_class[index] for by_class in gradients])
            for index, layer in enumerate(features)
        ]
        embedding = tf.concat([tf.reduce_mean(layer, axis=(1, 2)) for layer in features], axis=1)
        return logits, [values for values, _ in maps], [peak for _, peak in maps], embedding

    return tf.function(explain, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False)


def _grad_cam(features: tf.Tensor, gradients: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """features: (B, h, w, K); gradients: a class each, of the same shape. Returns uint8 (B, C, h,
    w) and (B, C).
    """
    weights = tf.stack([tf.reduce_mean(gradient, axis=(1, 2)) for gradient in gradients], axis=1)
    evidence = tf.nn.relu(tf.einsum("bhwk,bck->bchw", features, weights))
    peaks = tf.reduce_max(evidence, axis=(2, 3))
    values = tf.math.divide_no_nan(evidence, peaks[:, :, None, None])
    return tf.cast(tf.round(values * 255.0), tf.uint8), peaks
