"""The `train` command: recipe and data in, shipped model out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from inference.errors import DataError
from inference.files import Tell
from inference.files import silent as tell_nobody
from inference.training.data import Sample, Tensors, load_tensors, read_samples, refuse_contradictions
from inference.training.export import CLASSES, NEGATIVE_CLASS, export
from inference.training.fitting import fit
from inference.training.folds import refuse_shared_groups
from inference.training.one_cycle import fit_one_cycle
from inference.training.progress import Progress
from inference.training.recipe import Fit, OneCycle, Recipe, load_recipe
from inference.training.run_record import claim


def train(
    recipe_name: str, directory: Path, manifest: Path, out: Path, progress: Progress, tell: Tell = tell_nobody
) -> Path:
    """Train the recipe and write <out>/<id>.json and <out>/<id>.npz; an interrupted run goes on.

    Returns the path of the model's manifest. Raises DataError.
    """
    return _train(load_recipe(recipe_name), directory, manifest, out, progress, tell)


def train_fold(
    recipe: Recipe,
    directory: Path,
    manifest: Path,
    fold: int,
    out: Path,
    progress: Progress,
    tell: Tell = tell_nobody,
) -> Path:
    """Train the recipe for one round of cross-validation, in which `fold` is not learned from.

    A recipe that stops early by a validation fold takes the next fold for that, so that nothing is chosen by
    the one that is scored. Writes <out>/<id>-fold<fold>.json and .npz and returns the manifest's path. Raises
    DataError.
    """
    folds = folds_of(directory, manifest)
    return _train(for_fold(recipe, fold, folds), directory, manifest, out, progress, tell)


def for_fold(recipe: Recipe, fold: int, folds: Sequence[int]) -> Recipe:
    """Return the recipe as it is trained where `fold` of all `folds` is scored. Raises DataError."""
    if fold not in folds or len(folds) < 2:
        raise DataError("data_missing", f"The data have the folds {list(folds)} only. Received {fold}.")
    looks = isinstance(recipe.fit, Fit) and len(folds) > 2
    validation = folds[(list(folds).index(fold) + 1) % len(folds)] if looks else fold
    training = tuple(each for each in folds if each not in (fold, validation))
    split = replace(recipe.split, training_folds=training, validation_folds=(validation,))
    return replace(recipe, id=f"{recipe.id}-fold{fold}", split=split)


def folds_of(directory: Path, manifest: Path) -> list[int]:
    """Return the folds of the data, sorted. Raises DataError."""
    samples = read_samples(directory, manifest, tuple(each.code for each in CLASSES))
    return sorted({sample.fold for sample in samples if sample.fold is not None})


def _train(
    recipe: Recipe, directory: Path, manifest: Path, out: Path, progress: Progress, tell: Tell
) -> Path:
    codes = tuple(each.code for each in CLASSES)
    samples = read_samples(directory, manifest, codes, tell)
    samples = distinct(samples) if recipe.split.distinct_only else samples
    training = _of_folds(samples, recipe.split.training_folds)
    validation = _of_folds(samples, recipe.split.validation_folds) if recipe.split.validation_folds else []
    refuse_shared_groups([*training, *validation])
    refuse_contradictions([*training, *validation], directory)
    seen = _decoded(training, recipe, progress)
    claim(out / f"{recipe.id}.fit", recipe, seen.digest)
    model = _fitted(recipe, seen, training, validation, out / f"{recipe.id}.fit", progress)
    return export(recipe, model, seen, training, validation, directory=out, progress=progress)


def _fitted(
    recipe: Recipe,
    seen: Tensors,
    training: Sequence[Sample],
    validation: Sequence[Sample],
    directory: Path,
    progress: Progress,
) -> keras.Model:
    codes = tuple(each.code for each in CLASSES)
    if isinstance(recipe.fit, OneCycle):
        # For the history only, for which one image a slice is enough.
        looked_at = [sample for sample in validation if sample.first_of_slice is not False]
        unseen = _decoded(looked_at, recipe, progress) if looked_at else None
        slices = [sample.slice_id or str(sample.path) for sample in training]
        return fit_one_cycle(
            recipe,
            seen,
            slices,
            unseen,
            class_count=len(codes),
            directory=directory,
            negative=codes.index(NEGATIVE_CLASS),
        )
    if not validation:
        raise DataError("recipe_invalid", f"Early stopping needs a validation fold. Received {recipe.id!r}.")
    unseen = _decoded(validation, recipe, progress)
    weights = copy_weights(training) if recipe.split.weight_copies else None
    return fit(recipe, seen, unseen, class_count=len(codes), directory=directory, weights=weights)


def _decoded(samples: Sequence[Sample], recipe: Recipe, progress: Progress) -> Tensors:
    codes = tuple(each.code for each in CLASSES)
    return load_tensors(samples, codes, recipe.input_size, progress, preprocessing=recipe.preprocessing)


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
