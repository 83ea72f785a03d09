"""EfficientNet-Lite in Keras, without its head: what every pyramid branches off.

Backend-neutral Keras 3. Importing this module loads Keras and its backend.
"""

from __future__ import annotations

from typing import Any

import keras

from inference.architecture import BACKBONES, STEM, Stage

# The ImageNet weights expect (grey - 127) / 128 for grey values from 0 to 255.
_SCALE, _OFFSET = 255.0 / 128.0, -127.0 / 128.0
_EPSILON = 1e-3
# Trainings are short: running statistics must follow within tens of steps.
_MOMENTUM = 0.9


class Convolutions:
    """Convolution, norm, activation; the last of them carries the given name, so that taps can be named.

    prefix: of all names, so that one model can hold two backbones.
    """

    def __init__(self, batch_norm: bool, prefix: str = "") -> None:
        self._batch_norm = batch_norm
        self.prefix = prefix

    def __call__(
        self, flow: Any, filters: int, kernel: int, name: str, *, stride: int = 1, activation: str = ""
    ) -> Any:
        """Return a convolution of the flow."""
        name = f"{self.prefix}{name}"
        layer = keras.layers.Conv2D(
            filters, kernel, stride, "same", use_bias=not self._batch_norm, name=f"{name}_kernel"
        )
        return self._finish(layer(flow), name, activation)

    def depthwise(self, flow: Any, kernel: int, name: str, *, stride: int = 1) -> Any:
        """Return a depthwise convolution of the flow."""
        name = f"{self.prefix}{name}"
        layer = keras.layers.DepthwiseConv2D(
            kernel, stride, "same", use_bias=not self._batch_norm, name=f"{name}_kernel"
        )
        return self._finish(layer(flow), name, "relu6")

    def _finish(self, flow: Any, name: str, activation: str) -> Any:
        if self._batch_norm:
            flow = _Norm(momentum=_MOMENTUM, epsilon=_EPSILON, name=f"{name}_norm")(flow)
        return keras.layers.Activation(activation, name=name)(flow) if activation else flow


class _Norm(keras.layers.BatchNormalization):  # type: ignore[misc]
    """Keras's own, by TensorFlow's fused kernel where TensorFlow computes it.

    Keras's is a dozen passes over the features there, which were a third of the time of a training on a CPU.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return the normalised features, (B, h, w, K), by the batch's statistics while it trains."""
        if keras.backend.backend() != "tensorflow" or mask is not None:
            return super().call(inputs, training=training, mask=mask)
        import tensorflow as tf

        learns = bool(training and self.trainable)
        known = (self.moving_mean, self.moving_variance)
        mean, variance = (tf.zeros([0]) if learns else tf.convert_to_tensor(each) for each in known)
        scale, offset = (tf.convert_to_tensor(each) for each in (self.gamma, self.beta))
        normalised, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=scale,
            offset=offset,
            mean=mean,
            variance=variance,
            epsilon=self.epsilon,
            is_training=learns,
        )
        if learns:
            count = tf.cast(tf.size(inputs) / tf.shape(inputs)[-1], tf.float32)
            # The kernel's variance is that of a sample, Keras keeps that of the batch itself.
            for kept, seen in zip(known, (mean, variance * (count - 1) / count), strict=True):
                kept.assign(kept * self.momentum + seen * (1 - self.momentum))
        return normalised


def stage_ends(
    convolve: Convolutions, inputs: Any, backbone: str, stages: int, drop_connect: float = 0.0
) -> list[Any]:
    """Return what comes out of each of the first `stages` stages. inputs: (B, S, S, 1) in [0, 1].

    drop_connect: the chance that the last residual block is passed by while training (Huang et al. 2016);
    a block's own is in proportion to its depth.
    """
    flow = keras.layers.Rescaling(_SCALE, _OFFSET, name=f"{convolve.prefix}imagenet_scale")(inputs)
    flow = convolve(flow, STEM, 3, "stem", stride=2, activation="relu6")
    chosen = BACKBONES[backbone][:stages]
    total, before = sum(stage.blocks for stage in chosen), 0
    ends = []
    for number, stage in enumerate(chosen, start=1):
        rates = [drop_connect * (before + block) / total for block in range(stage.blocks)]
        flow = _stage(convolve, flow, stage, f"stage{number}", rates)
        ends.append(flow)
        before += stage.blocks
    return ends


def _stage(convolve: Convolutions, flow: Any, stage: Stage, name: str, rates: list[float]) -> Any:
    for number, rate in enumerate(rates, start=1):
        block, before = f"{name}_{number}", flow
        if stage.expansion > 1:
            wide = flow.shape[-1] * stage.expansion
            flow = convolve(flow, wide, 1, f"{block}_expand", activation="relu6")
        stride = stage.stride if number == 1 else 1
        flow = convolve.depthwise(flow, stage.kernel, f"{block}_depthwise", stride=stride)
        flow = convolve(flow, stage.filters, 1, f"{block}_project")
        if number > 1:
            if rate:
                # The whole block of a picture at once.
                flow = keras.layers.Dropout(
                    rate, noise_shape=(None, 1, 1, 1), name=f"{convolve.prefix}{block}_drop"
                )(flow)
            flow = keras.layers.Add(name=f"{convolve.prefix}{block}_add")([before, flow])
    return flow
