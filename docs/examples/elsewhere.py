"""A classifier that was made elsewhere: trained here in seconds, and written as the portal takes it.

    .venv/bin/python docs/examples/elsewhere.py OUT
    .venv/bin/python manage.py models register OUT
    .venv/bin/python manage.py models activate shapes-1

It tells discs, rings and bars apart in drawn pictures, and imports nothing of the portal: what a network
needs is one manifest and one file beside it. docs/operations.md describes the manifest.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

ID, SIZE, PICTURES, EPOCHS = "shapes-1", 32, 480, 6
DISC, RING, BAR = 0.24, (0.2, 0.3), (0.07, 0.4)
CLASSES: list[dict[str, Any]] = [
    {
        "code": "disc",
        "label": "Disc",
        "labels": {"de": "Scheibe"},
        "colour": {"light": "#7a4fb5", "dark": "#b79af0"},
    },
    {
        "code": "ring",
        "label": "Ring",
        "labels": {"de": "Ring"},
        "colour": {"light": "#8a5a00", "dark": "#f0c05a"},
    },
    {
        "code": "bar",
        "label": "Bar",
        "labels": {"de": "Balken"},
        "colour": {"light": "#0b6e6e", "dark": "#5cd0d0"},
    },
]


def picture(code: str, seed: int, size: int = SIZE) -> NDArray[np.uint8]:
    """Return uint8 (size, size): one bright shape somewhere, amid noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:size, :size] - rng.uniform(0.4, 0.6, 2)[:, None, None] * size
    far = np.hypot(rows, columns) / size
    # From the middle to the edge it is 0.5.
    inside = {
        "disc": far < DISC,
        "ring": (far > RING[0]) & (far < RING[1]),
        "bar": (np.abs(rows) < BAR[0] * size) & (np.abs(columns) < BAR[1] * size),
    }[code]
    drawn: NDArray[np.uint8] = inside.astype(np.uint8)
    drawn *= np.uint8(rng.integers(120, 200))
    drawn += rng.integers(0, 50, (size, size), np.uint8)
    return drawn


def train() -> keras.Model:
    """Return a small network from float32 (B, S, S, 1), [0, 1], to the classes' probabilities."""
    codes = [each["code"] for each in CLASSES]
    drawn = [picture(codes[seed % len(codes)], seed) for seed in range(PICTURES)]
    images = np.stack([each / each.max() for each in drawn])[..., None].astype(np.float32)
    labels = np.arange(PICTURES) % len(codes)
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.Conv2D(8, 5, strides=2, activation="relu"),
            keras.layers.Conv2D(16, 3, strides=2, activation="relu"),
            keras.layers.Flatten(),
            keras.layers.Dense(len(codes), activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(images, labels, batch_size=32, epochs=EPOCHS, verbose=0)
    return model


def write(model: keras.Model, out: Path) -> Path:
    """Write the network as a .tflite file and its manifest; return the manifest's path."""

    def classify(tensors: tf.Tensor) -> tf.Tensor:
        return model(tensors, training=False)

    signature = [tf.TensorSpec((1, SIZE, SIZE, 1), tf.float32)]
    module = tf.Module()
    module.held = [variable.value for variable in model.weights]
    concrete = tf.function(classify, input_signature=signature).get_concrete_function()
    data: bytes = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module).convert()
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{ID}.tflite").write_bytes(data)
    manifest = {
        "id": ID,
        "title": "Shapes 1 (disc, ring or bar)",
        "created": "2026-11-27",
        "weights_file": f"{ID}.tflite",
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "classes": CLASSES,
        "input_size": SIZE,
        "preprocessing": "grey-letterbox-v1",
        "layers": [],
        "network": {"kind": "external", "output": "probabilities"},
        "temperature": 1.0,
        "licence": "CC0-1.0",
        "attributions": [],
    }
    path = out / f"{ID}.json"
    path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


if __name__ == "__main__":
    if not sys.argv[1:]:
        sys.exit("The folder to write to is needed: docs/examples/elsewhere.py OUT")
    print(write(train(), Path(sys.argv[1])))
