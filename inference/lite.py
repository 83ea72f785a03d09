"""The evidence pyramid in Keras: EfficientNet-Lite0 with three taps and additive evidence.

Backend-neutral Keras 3. Importing this module loads Keras and its backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from inference.architecture import EvidencePyramid
from inference.backbone import Convolutions, stage_ends

EVIDENCE = "lesion_evidence"


def build(network: EvidencePyramid, input_size: int, class_count: int) -> keras.Model:
    """Return the untrained model from float32 (B, S, S, 1), [0, 1], to logits float32 (B, classes).

    The output of its layer EVIDENCE, float32 (B, h, w, classes), is the evidence of the last tap, which
    training compares with lesion boxes.
    """
    convolve = Convolutions(network.batch_norm)
    inputs = keras.Input((input_size, input_size, 1), name="slice")
    ends = stage_ends(convolve, inputs, network.backbone, network.stages)
    taps = {
        "edges": convolve(ends[1], network.edges, 1, "edges", activation="relu"),
        "textures": convolve(ends[2], network.textures, 1, "textures", activation="relu"),
        "lesion": _lesion(convolve, ends, network),
    }
    return keras.Model(inputs, keras.layers.Add(name="logits")(_shares(taps, network.dropout, class_count)))


def with_evidence(model: keras.Model, names: Sequence[str]) -> keras.Model:
    """Return the model with what Grad-CAM makes of it as outputs, without a gradient.

    names: of the taps. It gives the logits, float32 (B, classes); the embedding, float32 (B, D), the means of
    the taps' features; and a tap each, float32 (B, h, w, classes), what it adds to the logits at each place.
    A logit is the mean over the grid of a linear map of the features, so its gradient is that map's weight
    over the number of places, everywhere the same.
    """
    evidence, means = [], []
    for name in names:
        features, dense = model.get_layer(name).output, model.get_layer(f"{name}_evidence")
        _, rows, columns, _ = features.shape
        means.append(keras.ops.mean(features, axis=(1, 2)))
        # Divided after: the kernel stays as it is stored, in half precision.
        evidence.append(keras.ops.matmul(features, dense.kernel) / (rows * columns))
    return keras.Model(model.inputs, [model.output, keras.ops.concatenate(means, axis=1), *evidence])


def freeze(model: keras.Model, stages: int, norms: bool) -> None:
    """Keep the stem and the first `stages` stages as they are and, where `norms`, every norm of the backbone.

    A frozen norm uses its running statistics, also while the model trains.
    """
    frozen = ("stem_", *(f"stage{number}_" for number in range(1, stages + 1))) if stages else ()
    for layer in model.layers:
        of_backbone = layer.name.startswith(("stem_", "stage"))
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        if layer.name.startswith(frozen) or (norms and of_backbone and is_norm):
            layer.trainable = False


def fold_batch_norm(model: keras.Model, folded: keras.Model) -> None:
    """Set the weights of `folded`, built without norms, so that it computes what `model` does at inference.

    A norm after a convolution is one more linear step: it scales the kernel and moves the bias.
    """
    for layer in folded.layers:
        if not layer.weights:
            continue
        source = model.get_layer(layer.name)
        norm = _norm_of(model, layer.name)
        layer.set_weights(source.get_weights() if norm is None else _folded(source, norm))


def _folded(convolution: keras.Layer, norm: keras.layers.BatchNormalization) -> list[Any]:
    kernel = np.asarray(convolution.get_weights()[0])
    gamma, beta, mean, variance = (np.asarray(each) for each in norm.get_weights())
    factor = gamma / np.sqrt(variance + norm.epsilon)
    depthwise = isinstance(convolution, keras.layers.DepthwiseConv2D)
    scaled = kernel * (factor[:, None] if depthwise else factor)
    return [scaled, beta - mean * factor]


def _norm_of(model: keras.Model, name: str) -> keras.layers.BatchNormalization | None:
    wanted = f"{name.removesuffix('_kernel')}_norm"
    return next((layer for layer in model.layers if layer.name == wanted), None)


def _lesion(convolve: Convolutions, ends: list[Any], network: EvidencePyramid) -> Any:
    """From the deepest stage back up to the grid of stage 3 (a feature pyramid, Lin et al. 2017)."""
    flow = convolve(ends[-1], network.fusion, 1, f"fusion{len(ends)}")
    for number in (5, 3):
        if number < len(ends):
            flow = keras.layers.UpSampling2D(interpolation="bilinear", name=f"fusion{number}_up")(flow)
            side = convolve(ends[number - 1], network.fusion, 1, f"fusion{number}")
            flow = keras.layers.Add(name=f"fusion{number}_add")([flow, side])
            flow = keras.layers.ReLU(name=f"fusion{number}_relu")(flow)
    flow = convolve.depthwise(flow, 5, "lesion_depthwise")
    return convolve(flow, network.lesion, 1, "lesion", activation="relu")


def _shares(taps: dict[str, Any], dropout: float, class_count: int) -> list[Any]:
    """What each tap adds to the logits, (B, classes). The bias is with the edges: lesions have none."""
    shares = []
    for name, features in taps.items():
        flow = keras.layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(features)
        flow = keras.layers.Dense(class_count, use_bias=name == "edges", name=f"{name}_evidence")(flow)
        shares.append(keras.layers.GlobalAveragePooling2D(name=f"{name}_mean")(flow))
    return shares
