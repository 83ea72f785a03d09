"""The prototype's way to probabilities and heat maps, as it was written: the peer of the other figures.

    python docs/benchmarks/prototype.py [PICTURES]

Of each file: read with Pillow, predict() of one picture, then a gradient model for each of three layers and
a tape for the class that was found, and its map enlarged to the picture's size, coloured, laid over it and
written as a PNG. With the prototype's network (prototype-cnn-1), on one thread. The models are made once, and
the first picture, with which TensorFlow warms up, is not counted.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image as PillowImage

from docs.benchmarks.costs import MAPS, OVERLAYS, Cost, picture
from docs.benchmarks.figures import arguments, hand_over
from inference.colour_maps import COLOUR_MAPS, DEFAULT_COLOUR_MAP
from inference.engines.tensorflow import configure
from inference.manifest import load_manifest, verify_weights
from inference.networks import build_network, load_weights

PICTURES, OPACITY = 20, 0.4
PROTOTYPE = ROOT / "inference" / "manifests" / "prototype-cnn-1.json"
Heat = NDArray[np.float32]


class Prototype:
    """The models, which are made once."""

    def __init__(self) -> None:
        self._manifest = load_manifest(PROTOTYPE)
        network, classes = self._manifest.network, len(self._manifest.classes)
        self._model = build_network(network, self._manifest.input_size, classes)
        load_weights(self._model, verify_weights(self._manifest).read_bytes())
        taps = [self._model.get_layer(name).output for name in self._manifest.layer_names]
        self._heads = [keras.Model(self._model.inputs[0], [tap, self._model.output]) for tap in taps]

    def explain(self, data: bytes) -> tuple[PillowImage.Image, list[Heat]]:
        """From a file to its picture and the maps of the class that is found, one a layer."""
        grey = PillowImage.open(io.BytesIO(data)).convert("L")
        side = self._manifest.input_size
        tensor = (np.asarray(grey.resize((side, side)), np.float32) / 255.0)[None, ..., None]
        found = int(self._model.predict(tensor, verbose=0).argmax())
        return grey, [_grad_cam(head, tensor, found) for head in self._heads]

    def draw(self, data: bytes) -> list[bytes]:
        """From a file to its overlays."""
        grey, maps = self.explain(data)
        return [_over(grey, heat) for heat in maps]


def _grad_cam(head: keras.Model, tensor: Heat, found: int) -> Heat:
    """tensor: (1, S, S, 1). Returns the layer's map, float32 (h, w), [0, 1]."""
    with tf.GradientTape() as tape:
        features, logits = head(tensor, training=False)
        score = logits[:, found]
    weights = tf.reduce_mean(tape.gradient(score, features), axis=(0, 1, 2))
    evidence = tf.nn.relu(tf.reduce_sum(features[0] * weights, axis=-1))
    return np.asarray(tf.math.divide_no_nan(evidence, tf.reduce_max(evidence)))


def _over(grey: PillowImage.Image, heat: Heat) -> bytes:
    """The map over the picture, at the picture's size."""
    large = PillowImage.fromarray(np.uint8(heat * 255)).resize(grey.size)
    colour = COLOUR_MAPS[DEFAULT_COLOUR_MAP][np.asarray(large)]
    below = np.asarray(grey, np.float32)[..., None]
    stream = io.BytesIO()
    PillowImage.fromarray(np.uint8(colour * OPACITY + below * (1 - OPACITY))).save(stream, "PNG")
    return stream.getvalue()


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("pictures", nargs="?", type=int, default=PICTURES)
    asked = parser.parse_args()
    configure(1)
    prototype, rng = Prototype(), np.random.default_rng(1)
    files = [picture(rng) for _ in range(asked.pictures + 1)]
    prototype.draw(files.pop())
    maps, overlays = Cost(), Cost()
    for data in files:
        with maps.round():
            prototype.explain(data)
        with overlays.round():
            prototype.draw(data)
    hand_over([*maps.figures(MAPS), *overlays.figures(OVERLAYS)], asked.json)


if __name__ == "__main__":
    main()
