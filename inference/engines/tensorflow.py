"""TensorFlow: every network, with Grad-CAM by gradients, in one compiled function.

Importing this module loads TensorFlow; a process that forks must import it after the fork.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from inference.architecture import External
from inference.engines.base import Explained, logits_of
from inference.errors import ManifestError
from inference.manifest import Manifest, verify_weights
from inference.networks import build_network, load_weights
from inference.preprocessing import CHANNELS

logger = logging.getLogger(__name__)


@functools.cache
def configure(threads: int) -> None:
    """Give TensorFlow this many threads within and one between operations. Call before the first prediction.

    Once TensorFlow runs its threads are fixed: a later, different wish is logged and changes nothing.
    """
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        logger.warning("TensorFlow runs already; its number of threads stays as it is.")


class TensorFlowEngine:
    """A Keras model, compiled. Thread-safe: the compiled function holds no state."""

    name = "tensorflow"

    def __init__(self, model: keras.Model, layer_names: Sequence[str], output: str = "logits") -> None:
        self._explain = compile_explainer(model, layer_names)
        self._output = output

    @classmethod
    def load(cls, manifest: Manifest, threads: int | None = None) -> TensorFlowEngine:
        """Build the manifest's network and load its weights.

        Raises ManifestError weights_missing, weights_mismatch or compiled_unfit.
        """
        path = verify_weights(manifest)
        if threads:
            configure(threads)
        if isinstance(manifest.network, External):
            return cls(_read_keras(path, manifest), manifest.layer_names, manifest.network.output)
        model = build_network(manifest.network, manifest.input_size, len(manifest.classes))
        load_weights(model, path.read_bytes())
        return cls(model, manifest.layer_names)

    def explain(self, tensors: NDArray[np.float32]) -> Explained:
        """Run the network. tensors: float32 (B, S, S, 1)."""
        logits, maps, peaks, embedding = (_fetched(each) for each in self._explain(tensors))
        return Explained(logits_of(logits, self._output), maps, peaks, embedding)


def _read_keras(path: Path, manifest: Manifest) -> keras.Model:
    """The model of a .keras file, which must do what the manifest says. No code that lies in it is run."""
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise _unfit(manifest, "a file that Keras cannot read") from error
    size, channels = manifest.input_size, CHANNELS[manifest.preprocessing]
    inputs, outputs = model.inputs, model.outputs
    if len(inputs) != 1 or tuple(inputs[0].shape[1:]) != (size, size, channels):
        raise _unfit(manifest, f"inputs of shape {[tuple(each.shape) for each in inputs]}")
    if len(outputs) != 1 or tuple(outputs[0].shape[1:]) != (len(manifest.classes),):
        raise _unfit(manifest, f"outputs of shape {[tuple(each.shape) for each in outputs]}")
    known = {layer.name for layer in model.layers}
    if missing := [name for name in manifest.layer_names if name not in known]:
        raise _unfit(manifest, f"no layer {missing[0]!r}")
    return model


def _unfit(manifest: Manifest, received: str) -> ManifestError:
    return ManifestError(
        "compiled_unfit",
        f"The file of {manifest.id!r} does not do what its manifest says. Received {received}.",
    )


def _fetched(found: Any) -> Any:
    return [each.numpy() for each in found] if isinstance(found, list) else found.numpy()


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
            found = taps(tensors, training=False)
            logits, *features = found if layer_names else [found]
            scores = tf.unstack(logits, axis=1)
        gradients = [tape.gradient(score, features) for score in scores]
        maps = [
            _grad_cam(layer, [by_class[index] for by_class in gradients])
            for index, layer in enumerate(features)
        ]
        means = [tf.reduce_mean(layer, axis=(1, 2)) for layer in features]
        embedding = tf.concat(means, axis=1) if means else logits[:, :0]
        return logits, [values for values, _ in maps], [peak for _, peak in maps], embedding

    compiled: Explainer = tf.function(
        explain, input_signature=[tf.TensorSpec(shape, tf.float32)], autograph=False
    )
    return compiled


def _grad_cam(features: tf.Tensor, gradients: Sequence[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
    """features: (B, h, w, K); gradients: a class each, of the same shape. Returns uint8 (B, C, h,
    w) and (B, C).
    """
    weights = tf.stack([tf.reduce_mean(gradient, axis=(1, 2)) for gradient in gradients], axis=1)
    evidence = tf.nn.relu(tf.einsum("bhwk,bck->bchw", features, weights))
    peaks = tf.reduce_max(evidence, axis=(2, 3))
    values = tf.math.divide_no_nan(evidence, peaks[:, :, None, None])
    return tf.cast(tf.round(values * 255.0), tf.uint8), peaks
