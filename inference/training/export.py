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

from inference.architecture import ADDITIVE, Described, EvidencePyramid, FeaturePyramid
from inference.files import write_whole
from inference.lite import fold_batch_norm
from inference.manifest import ClassLabel, Compiled, LayerInfo, Manifest
from inference.networks import build_network, round_to_half, weights_to_bytes
from inference.predictor import Predictor
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
    if isinstance(network, ADDITIVE):
        round_to_half(model)
    weights = weights_to_bytes(model)
    write_whole(directory / f"{recipe.id}.npz", weights)
    draft = _draft(
        recipe.id, recipe.title, recipe.input_size, network, weights, directory, recipe.preprocessing
    )
    predictor = Predictor.load(draft)
    figures = (
        {"validation": rounded(evaluate(predictor, validation, progress=progress))} if validation else {}
    )
    record = _record(recipe.as_dict(), training.digest, samples, validation)
    return _written(replace(draft, training={**record, "figures": figures}))


def export_network(
    model: keras.Model,
    network: Described,
    *,
    name: str,
    title: str,
    recipe: dict[str, Any],
    data_digest: str,
    training: Sequence[Sample],
    validation: Sequence[Sample],
    directory: Path,
    preprocessing: str,
) -> Path:
    """Write <name>.npz, the compiled form <name>.tflite where there is one, and <name>.json; return the path
    of the last. Nothing is measured.

    recipe: how it came about, ready for JSON. data_digest: of the training images, as `digest_of` gives it.
    preprocessing: as `to_tensor` takes it.
    """
    # Slow to import, and not there on a machine that only trains.
    from inference.engines.conversion import compiled

    round_to_half(model)
    weights, size = weights_to_bytes(model), model.inputs[0].shape[1]
    write_whole(directory / f"{name}.npz", weights)
    form = compiled(model, network)
    if form is not None:
        write_whole(directory / f"{name}.tflite", form)
    return _written(
        replace(
            _draft(name, title, size, network, weights, directory, preprocessing),
            training={**_record(recipe, data_digest, training, validation), "figures": {}},
            compiled=Compiled(f"{name}.tflite", hashlib.sha256(form).hexdigest()) if form else None,
        )
    )


def shipped(recipe: Recipe, model: keras.Model) -> tuple[Described, keras.Model]:
    """Return the network as it ships and is fastest: its norms folded into its convolutions."""
    network = recipe.network
    if isinstance(network, EvidencePyramid):
        network = replace(network, batch_norm=False)
    elif isinstance(network, FeaturePyramid):
        network = replace(network, batch_norm=False, drop_connect=0.0)
    else:
        return network, model
    folded = build_network(network, recipe.input_size, model.output.shape[-1])
    fold_batch_norm(model, folded)
    return network, folded


def _record(
    recipe: dict[str, Any], data_digest: str, training: Sequence[Sample], validation: Sequence[Sample]
) -> dict[str, Any]:
    split = {"training": _side(training), "validation": _side(validation)}
    return {"recipe": recipe, "data_digest": data_digest, "split": split}


def _written(manifest: Manifest) -> Path:
    path = manifest.directory / f"{manifest.id}.json"
    write_whole(path, (json.dumps(manifest.as_dict(), indent=2) + "\n").encode())
    return path


def _draft(
    name: str,
    title: str,
    input_size: int,
    network: Described,
    weights: bytes,
    directory: Path,
    preprocessing: str,
) -> Manifest:
    return Manifest(
        id=name,
        title=title,
        created=datetime.datetime.now(datetime.UTC).date().isoformat(),
        weights_file=f"{name}.npz",
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        classes=CLASSES,
        input_size=input_size,
        preprocessing=preprocessing,
        layers=_layers(network, input_size),
        network=network,
        training={},
        temperature=1.0,
        licence=_LICENCE,
        attributions=_ATTRIBUTIONS,
        negative_class=NEGATIVE_CLASS,
        directory=directory,
    )


def _layers(network: Described, input_size: int) -> tuple[LayerInfo, ...]:
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
