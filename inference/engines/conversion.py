"""From a Keras model whose maps are linear to the compiled form that LiteRT runs.

Importing this module loads TensorFlow.
"""

from __future__ import annotations

import keras
import tensorflow as tf

from inference import lite
from inference.architecture import ADDITIVE, Network
from inference.engines import tensorflow as _tensorflow  # noqa: F401 - chooses Keras's backend first
from inference.engines.litert import EMBEDDING, EVIDENCE, INPUT, LOGITS
from inference.networks import is_half


def compiled(model: keras.Model, network: Network) -> bytes | None:
    """Return the model as LiteRT runs it, or None where its maps need gradients.

    Its weights are float16 where that holds them exactly, as `networks.round_to_half` makes them, and float32
    otherwise: both engines compute with the same numbers.
    """
    if not isinstance(network, ADDITIVE):
        return None
    names = network.layer_names()
    inner = lite.with_evidence(model, names)

    def explain(tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        logits, embedding, *evidence = inner(tensors, training=False)
        maps = {f"{EVIDENCE}{name}": each for name, each in zip(names, evidence, strict=True)}
        return {LOGITS: logits, EMBEDDING: embedding, **maps}

    shape = (1, *model.inputs[0].shape[1:])
    signature = [tf.TensorSpec(shape, tf.float32, name=INPUT)]
    function = tf.function(explain, input_signature=signature, autograph=False)
    # The converter follows the variables of a module; Keras's own are not found through the function.
    module = tf.Module()
    module.function = function
    module.held = [variable.value for variable in inner.weights]
    concrete = function.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    if is_half(model):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    data: bytes = converter.convert()
    return data
