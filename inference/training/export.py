"""From a fitted model to a shipped one: weights, their digest, figures on images not trained on, manifest."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from inference.architecture import EvidencePyramid, Network
from inference.files import write_whole
from inference.lite import fold_batch_norm
from inference.manifest import ClassLabel, LayerInfo, Manifest
from inference.networks import build_network, weights_to_bytes
from inference.predictor import Predictor
from inference.preprocessing import PREPROCESSING_ID
from inference.training.data import Sample, Tensors
from inference.training.evaluation import evaluate
from inference.training.progress import Progress
from inference.training.recipe import Recipe

CLASSES = (
    ClassLabel("glioma", "Glioma"),
    ClassLabel("meningioma", "Meningioma"),
    ClassLabel("notumor", "No tumour"),
    ClassLabel("pituitary", "Pituitary tumour"),
)
# The class that means "nothing found".
NEGATIVE_CLASS = "notumor"

_LICENCE = "Apache-2.0"
_ATTRIBUTIONS = (
    "Brain Tumor MRI Dataset, Masoud Nickparvar, Kaggle (CC0 1.0).",
    "Brain tumor dataset, Jun Cheng, figshare, doi:10.6084/m9.figshare.1512427 (CC BY 4.0).",
    "The collections SARTAJ and Br35H, as merged in the first.",
)


def export(
    recipe: Recipe,
    model: keras.Model,
    training: Tensors,
    samples: Sequence[Sample],
    validation: Sequence[Sample],
    *,
    directory: Path,
    progress: Progress,
) -> Path:
    """Write <id>.npz and, last, <id>.json into `directory`, and return the latter's path. Figures come from
    the written weights, not the fitted.

    samples: the training images' descriptions; validation: those that the figures are measured on.
    """
    directory.mkdir(parents=True, exist_ok=True)
    network, model = shipped(recipe, model)
    weights = weights_to_bytes(model)
    write_whole(directory / f"{recipe.id}.npz", weights)
    draft = _draft(recipe, network, weights, directory)
    predictor = Predictor.load(draft)
    figures = (
        {"validation": rounded(evaluate(predictor, validation, progress=progress))} if validation else {}
    )
    record = {
        "recipe": recipe.as_dict(),
        "data_digest": training.digest,
        "split": {"training": _side(samples), "validation": _side(validation)},
        "figures": figures,
    }
    path = directory / f"{recipe.id}.json"
    manifest = replace(draft, training=record)
    write_whole(path, (json.dumps(manifest.as_dict(), indent=2) + "\n").encode())
    return path


def shipped(recipe: Recipe, model: keras.Model) -> tuple[Network, keras.Model]:
    """Return the network as it ships and is fastest: its norms folded into its convolutions."""
    network = recipe.network
    if not isinstance(network, EvidencePyramid):
        return network, model
    network = replace(network, batch_norm=False)
    folded = build_network(network, recipe.input_size, model.output.shape[-1])
    fold_batch_norm(model, folded)
    return network, folded


def _draft(recipe: Recipe, network: Network, weights: bytes, directory: Path) -> Manifest:
    return Manifest(
        id=recipe.id,
        title=recipe.title,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        weights_file=f"{recipe.id}.npz",
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        classes=CLASSES,
        input_size=recipe.input_size,
        preprocessing=PREPROCESSING_ID,
        layers=_layers(network, recipe.input_size),
        network=network,
        training={},
        temperature=1.0,
        licence=_LICENCE,
        attributions=_ATTRIBUTIONS,
        negative_class=NEGATIVE_CLASS,
        directory=directory,
    )


def _layers(network: Network, input_size: int) -> tuple[LayerInfo, ...]:
    described = zip(
        network.layer_names(),
        network.layer_labels(),
        network.grids(input_size),
        network.channels,
        strict=True,
    )
    return tuple(
        LayerInfo(name, f"{label} ({side} x {side})", (side, side), channels)
        for name, label, side, channels in described
    )


def _side(samples: Sequence[Sample]) -> dict[str, Any]:
    """Count one side of the split: folds, images, distinct slices, groups."""
    return {
        "folds": sorted({sample.fold for sample in samples if sample.fold is not None}),
        "images": len(samples),
        "slices": sum(1 for sample in samples if sample.first_of_slice),
        "groups": len({sample.group for sample in samples if sample.group}),
    }


def rounded(value: Any) -> Any:
    """Return a report with its figures to four decimals, which is more than the intervals carry."""
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    return [rounded(each) for each in value] if isinstance(value, list) else value
