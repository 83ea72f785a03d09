"""Feature pyramids in Keras, one or several as one network, with additive evidence at two depths.

Backend-neutral Keras 3. Importing this module loads Keras and its backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from inference.architecture import BACKBONES, Ensemble, FeaturePyramid
from inference.backbone import Convolutions, stage_ends

_CONTEXT, _LESION = "context", "lesion"


def build(network: FeaturePyramid, input_size: int, class_count: int) -> keras.Model:
    """Return the untrained model from float32 (B, S, S, 1), [0, 1], to logits float32 (B, classes).

    Its layers `context` and `lesion` are the taps, and `context_evidence` and `lesion_evidence`, float32
    (B, h, w, classes), what they are mapped to: the logits are the means of these over their grids, added.
    """
    inputs = keras.Input((input_size, input_size, 1), name="slice")
    return keras.Model(inputs, _logits(_taps(network, inputs), network.dropout, class_count))


def build_ensemble(network: Ensemble, input_size: int, class_count: int) -> keras.Model:
    """Return the model of all members, whose weights `assemble` sets. Inputs, outputs and layers as above."""
    inputs = keras.Input((input_size, input_size, 1), name="slice")
    # One pass through the weights for both: the mirror images are further pictures of the batch.
    seen = keras.ops.concatenate([inputs, keras.ops.flip(inputs, 2)], 0) if network.mirrored else inputs
    found = [_taps(member, seen, _prefix(number)) for number, member in enumerate(network.members)]
    taps = {}
    for name in network.layer_names():
        features = [member[name] for member in found]
        joined = features[0] if len(features) == 1 else keras.ops.concatenate(features, -1)
        joined = _both_ways(joined) if network.mirrored else joined
        taps[name] = keras.layers.Activation("linear", name=name)(joined)
    return keras.Model(inputs, _logits(taps, 0.0, class_count))


def assemble(members: Sequence[keras.Model], ensemble: keras.Model) -> None:
    """Give the ensemble the weights of its members, trained ones without norms, in their order."""
    evidence = {f"{name}_evidence" for name in (_CONTEXT, _LESION)}
    for number, member in enumerate(members):
        for layer in member.layers:
            if layer.weights and layer.name not in evidence:
                ensemble.get_layer(f"{_prefix(number)}{layer.name}").set_weights(layer.get_weights())
    for name in evidence:
        parts = [member.get_layer(name).get_weights() for member in members]
        kernel = np.concatenate([part[0] for part in parts]) / len(members)
        biases = [np.mean([part[1] for part in parts], axis=0)] if len(parts[0]) > 1 else []
        ensemble.get_layer(name).set_weights([kernel, *biases])


def _prefix(number: int) -> str:
    return f"member{number + 1}_"


def _taps(network: FeaturePyramid, inputs: Any, prefix: str = "") -> dict[str, Any]:
    """From the deepest stage back up to the grid of stage 3 (a feature pyramid, Lin et al. 2017)."""
    convolve = Convolutions(network.batch_norm, prefix)
    stages = len(BACKBONES[network.backbone])
    ends = stage_ends(convolve, inputs, network.backbone, stages, network.drop_connect)
    context = convolve(ends[-1], network.width * 2, 1, _CONTEXT, activation="relu")
    flow = convolve(ends[-1], network.width, 1, f"pyramid{len(ends)}")
    for number in (5, 3):
        up = keras.layers.UpSampling2D(interpolation="bilinear", name=f"{prefix}pyramid{number}_up")(flow)
        side = convolve(ends[number - 1], network.width, 1, f"pyramid{number}")
        flow = keras.layers.Add(name=f"{prefix}pyramid{number}_add")([up, side])
        flow = keras.layers.ReLU(name=f"{prefix}pyramid{number}_relu")(flow)
    flow = convolve.depthwise(flow, 5, f"{_LESION}_depthwise")
    return {_CONTEXT: context, _LESION: convolve(flow, network.width, 1, _LESION, activation="relu")}


def _both_ways(features: Any) -> Any:
    """(2 B, h, w, K) of pictures and then of their mirror images to (B, h, w, K), their mean."""
    straight, mirrored = keras.ops.split(features, 2, 0)
    return (straight + keras.ops.flip(mirrored, 2)) / 2.0


def _logits(taps: dict[str, Any], dropout: float, class_count: int) -> Any:
    """(B, classes): the means of the taps' evidence, added. The bias is with the context.

    In single precision, also where a GPU trains what comes before in half of it.
    """
    shares = []
    for name, features in taps.items():
        flow = keras.layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(features)
        flow = keras.layers.Dense(
            class_count, use_bias=name == _CONTEXT, dtype="float32", name=f"{name}_evidence"
        )(flow)
        shares.append(keras.layers.GlobalAveragePooling2D(dtype="float32", name=f"{name}_mean")(flow))
    return keras.layers.Add(dtype="float32", name="logits")(shares)
