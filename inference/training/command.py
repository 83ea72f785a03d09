"""The `train` command: recipe and data in, shipped model out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.errors import DataError
from inference.training.data import Sample, load_tensors, read_samples
from inference.training.export import CLASSES, export
from inference.training.fitting import fit
from inference.training.recipe import load_recipe


def train(
    recipe_name: str, directory: Path, manifest: Path, out: Path, tick: Callable[[int, int], None]
) -> None:
    """Train the recipe and write <out>/<id>.json and <out>/<id>.npz; an interrupted run goes on.

    Raises DataError.
    """
    recipe = load_recipe(recipe_name)
    codes = tuple(each.code for each in CLASSES)
    samples = read_samples(directory, manifest, codes)
    samples = distinct(samples) if recipe.split.distinct_only else samples
    training = _of_folds(samples, recipe.split.training_folds)
    validation = _of_folds(samples, recipe.split.validation_folds)
    _refuse_shared_groups(training, validation)
    seen = load_tensors(training, codes, recipe.input_size, tick)
    unseen = load_tensors(validation, codes, recipe.input_size, tick)
    weights = copy_weights(training) if recipe.split.weight_copies else None
    model = fit(
        recipe, seen, unseen, class_count=len(codes), directory=out / f"{recipe.id}.fit", weights=weights
    )
    export(recipe, model, seen, training, validation, directory=out, tick=tick)


def copy_weights(samples: Sequence[Sample]) -> NDArray[np.float32]:
    """Return float32 (N,), mean 1: each image's share of its slice, so that ten copies count as one."""
    copies = Counter(sample.slice_id for sample in samples if sample.slice_id)
    weights = np.array([1 / copies.get(sample.slice_id or "", 1) for sample in samples], np.float32)
    scaled: NDArray[np.float32] = weights / weights.mean()
    return scaled


def distinct(samples: Sequence[Sample]) -> list[Sample]:
    """Return one image a slice. Raises DataError data_invalid where the data do not say which images these
    are.
    """
    chosen = [sample for sample in samples if sample.first_of_slice]
    if not chosen:
        raise DataError(
            "data_invalid",
            "The recipe wants one image a slice, so the manifest needs first_of_slice. "
            f"Received {len(samples)} images without it.",
        )
    return chosen


def _of_folds(samples: Sequence[Sample], folds: Sequence[int]) -> list[Sample]:
    chosen = [sample for sample in samples if sample.fold in folds]
    if not chosen:
        raise DataError("data_missing", f"No image is in the recipe's folds. Received folds {list(folds)}.")
    return chosen


def _refuse_shared_groups(training: Sequence[Sample], validation: Sequence[Sample]) -> None:
    """A patient on both sides would make every figure meaningless."""
    shared = {sample.group for sample in training if sample.group} & {sample.group for sample in validation}
    if shared:
        raise DataError(
            "data_invalid",
            f"Groups stand on both sides of the split. Received {len(shared)} shared groups.",
        )
