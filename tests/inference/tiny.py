"""A tiny real network, its manifest and labelled synthetic images."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from inference.architecture import ConvBlock, PlainCnn
from inference.manifest import Manifest, load_manifest
from inference.networks import build_network, weights_to_bytes
from inference.preprocessing import PREPROCESSING_ID
from tests.inference.images import png_of

CODES = ("glioma", "meningioma", "notumor", "pituitary")
SIZE = 32
NETWORK = PlainCnn(blocks=(ConvBlock(4), ConvBlock(6, batch_norm=True)), dense=8, dropout=0.3)


def tiny_model(network: PlainCnn = NETWORK, classes: int = len(CODES), seed: int = 5) -> keras.Model:
    """Random weights, also in the batch norm, whose defaults would hide a forgotten statistic."""
    keras.utils.set_random_seed(seed)
    model = build_network(network, SIZE, classes)
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if not variable.path.endswith("kernel"):
            variable.assign(rng.uniform(0.1, 0.5, variable.shape).astype(np.float32))
    return model


@contextlib.contextmanager
def step_by_step() -> Iterator[None]:
    """Run eagerly what TensorFlow would trace first, which takes longer than training a tiny network."""
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)


DETECTOR = PlainCnn(blocks=(ConvBlock(1), ConvBlock(1)), dense=1, dropout=0.0)


def square_detector() -> keras.Model:
    """Made by hand: fires where neighbours are bright on average; class 0 is for it, class 1 against."""
    model = build_network(DETECTOR, SIZE, 2)
    for variable in model.weights:
        values = np.zeros(variable.shape, np.float32)
        if variable.path.startswith("conv"):
            values[...] = (
                1 / 9 if variable.path.endswith("kernel") else -0.5 if "conv1" in variable.path else 0.0
            )
        elif variable.path == "dense/kernel":
            values[...] = 1 / values.size
        elif variable.path == "logits/kernel":
            values[0] = (1.0, -1.0)
        variable.assign(values)
    return model


def write_model(
    directory: Path, model: keras.Model, network: PlainCnn = NETWORK, codes: tuple[str, ...] = CODES
) -> Path:
    """Write weights and manifest of a model as they ship; returns the manifest's path."""
    weights = weights_to_bytes(model)
    (directory / "tiny.npz").write_bytes(weights)
    path = directory / "tiny.json"
    path.write_text(json.dumps(manifest_fields(weights, network, codes)), "utf-8")
    return path


def tiny_manifest(directory: Path, model: keras.Model | None = None) -> Manifest:
    return load_manifest(write_model(directory, model or tiny_model()))


def manifest_fields(
    weights: bytes, network: PlainCnn = NETWORK, codes: tuple[str, ...] = CODES
) -> dict[str, Any]:
    layers = zip(network.layer_names(), network.grids(SIZE), network.blocks, strict=True)
    return {
        "id": "tiny",
        "title": "Tiny",
        "created": "2026-01-31",
        "weights_file": "tiny.npz",
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "classes": [{"code": code, "label": code.title()} for code in codes],
        "input_size": SIZE,
        "preprocessing": PREPROCESSING_ID,
        "layers": [
            {"name": name, "label": name, "grid": [side, side], "channels": block.filters}
            for name, side, block in layers
        ],
        "network": network.as_dict(),
        "training": {"recipe": {}, "data_digest": "0" * 64, "split": {}, "figures": {}},
        "temperature": 1.0,
        "licence": "Apache-2.0",
        "attributions": [],
    }


def labelled_picture(label: str, seed: int) -> NDArray[np.uint8]:
    """uint8 (40, 44): the class is told by the corner of a bright square, amid noise."""
    picture = np.random.default_rng(seed).integers(0, 90, (40, 44)).astype(np.uint8)
    top, left = {"glioma": (4, 4), "meningioma": (4, 30), "notumor": (26, 4), "pituitary": (26, 30)}[label]
    picture[top : top + 10, left : left + 10] = 230
    return picture


def box_of(label: str) -> tuple[float, float, float, float]:
    top, left = {"glioma": (4, 4), "meningioma": (4, 30), "notumor": (26, 4), "pituitary": (26, 30)}[label]
    return left / 44, top / 40, (left + 10) / 44, (top + 10) / 40


def write_cohort(directory: Path, per_class: int = 10) -> Path:
    """Write images in a sub-folder a class, and a manifest.csv with folds 0 and 1, two images a group."""
    rows = []
    for number in range(per_class):
        for label in CODES:
            path = directory / label / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png_of(labelled_picture(label, number)))
            corners = box_of(label) if label != "notumor" else ("", "", "", "")
            name = str(path.relative_to(directory))
            group = f"{label}-{number // 2}"
            first = 1 if number % 2 == 0 else 0
            rows.append((name, label, (number // 2) % 2, group, group, first, *corners))
    manifest = directory / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "fold", "group", "slice", "first_of_slice", "x0", "y0", "x1", "y1"))
        writer.writerows(rows)
    return manifest
