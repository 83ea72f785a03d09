"""From a network's description to a Keras model, and its weights to and from one plain numpy archive.

Backend-neutral Keras 3. Importing this module loads Keras and its backend.
"""

from __future__ import annotations

import io
from collections.abc import Mapping

import keras
import numpy as np
from numpy.typing import NDArray

from inference import lite, pyramid
from inference.architecture import Ensemble, EvidencePyramid, External, FeaturePyramid, Network, PlainCnn
from inference.errors import ManifestError
from inference.weights import GATE_PREFIX, read_archive


def build_network(network: Network, input_size: int, class_count: int) -> keras.Model:
    """Return an untrained model from float32 (B, S, S, 1) to logits float32 (B, classes).

    It ends in logits, not in probabilities, so that Grad-CAM differentiates what the paper does (Selvaraju et
    al. 2017, section 3). The layers that Grad-CAM explains carry the names of `network.layer_names()`.
    """
    if isinstance(network, EvidencePyramid):
        return lite.build(network, input_size, class_count)
    if isinstance(network, FeaturePyramid):
        return pyramid.build(network, input_size, class_count)
    if isinstance(network, Ensemble):
        return pyramid.build_ensemble(network, input_size, class_count)
    if isinstance(network, External):
        raise ManifestError("engine_unfit", "A network that was made elsewhere is not built here, but read.")
    return _plain_cnn(network, input_size, class_count)


def _plain_cnn(network: PlainCnn, input_size: int, class_count: int) -> keras.Model:
    inputs = keras.Input((input_size, input_size, 1), name="slice")
    flow = inputs
    for block, name in zip(network.blocks, network.layer_names(), strict=True):
        flow = keras.layers.Conv2D(block.filters, 3, padding="same", name=f"{name}_kernel")(flow)
        if block.batch_norm:
            flow = keras.layers.BatchNormalization(name=f"{name}_norm")(flow)
        flow = keras.layers.ReLU(name=name)(flow)
        flow = keras.layers.MaxPooling2D(name=f"{name}_pool")(flow)
    flow = keras.layers.Flatten(name="flatten")(flow)
    flow = keras.layers.Dense(network.dense, activation="relu", name="dense")(flow)
    flow = keras.layers.Dropout(network.dropout, name="dropout")(flow)
    return keras.Model(inputs, keras.layers.Dense(class_count, name="logits")(flow))


def weights_to_bytes(model: keras.Model, gate: Mapping[str, NDArray[np.generic]] | None = None) -> bytes:
    """Return the weights as a compressed npz: kernels in float16, all else (a few hundred values) in float32.

    gate: arrays of the input gate, which are stored beside as they are.
    """
    arrays = {
        variable.path: np.asarray(
            variable.numpy(), np.float16 if variable.path.endswith("kernel") else np.float32
        )
        for variable in model.weights
    }
    beside = {f"{GATE_PREFIX}{name}": np.asarray(values) for name, values in (gate or {}).items()}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays, **beside)
    return buffer.getvalue()


def round_to_half(model: keras.Model) -> None:
    """Set every weight to what half precision makes of it: a file of half the size then holds it exactly."""
    for variable in model.weights:
        variable.assign(np.asarray(variable.numpy()).astype(np.float16).astype(np.float32))


def is_half(model: keras.Model) -> bool:
    """Whether half precision holds every weight exactly."""
    return all(
        np.array_equal(values, values.astype(np.float16).astype(np.float32))
        for values in (np.asarray(variable.numpy()) for variable in model.weights)
    )


def load_weights(model: keras.Model, data: bytes) -> dict[str, NDArray[np.generic]]:
    """Set the model's weights to those in `data` and return the gate's arrays by their names.

    Raises ManifestError weights_mismatch unless names and shapes are exactly the model's and all values are
    finite.
    """
    archive = read_archive(data)
    arrays = {path: values for path, values in archive.items() if not path.startswith(GATE_PREFIX)}
    wanted = {variable.path: tuple(variable.shape) for variable in model.weights}
    found = {path: array.shape for path, array in arrays.items()}
    if wanted != found:
        odd = min(set(wanted.items()) ^ set(found.items()))
        raise ManifestError(
            "weights_mismatch", f"The weights do not fit the network. Received {odd[0]} of shape {odd[1]}."
        )
    for path, array in archive.items():
        if not np.isfinite(array).all():
            raise ManifestError("weights_mismatch", f"Weights are not finite. Received {path}.")
    for variable in model.weights:
        variable.assign(arrays[variable.path].astype(np.float32))
    return {path.removeprefix(GATE_PREFIX): archive[path] for path in archive.keys() - arrays.keys()}
