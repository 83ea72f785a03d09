"""The `select` command: recipes trained or loaded, scored where they did not learn, compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from inference.errors import DataError
from inference.files import Tell
from inference.files import silent as tell_nobody
from inference.manifest import Manifest, load_manifest, verify_weights
from inference.predictor import Predictor
from inference.training.command import distinct, for_fold, train_fold
from inference.training.comparison import Candidate, Comparison, FoldModel, Scored, compare
from inference.training.data import Sample, read_samples
from inference.training.evaluation import run
from inference.training.export import CLASSES
from inference.training.fitting import read_history
from inference.training.folds import refuse_shared_groups
from inference.training.plots import History
from inference.training.progress import Progress, silent
from inference.training.recipe import Fit, Recipe, load_recipe
from inference.training.run_record import digest_of, refuse_other
from inference.weights import parameter_count


@dataclass(frozen=True, eq=False)
class Experiment:
    """Labelled images with folds and groups, and the folder of the runs that learn from them."""

    directory: Path
    manifest: Path
    samples: tuple[Sample, ...]
    runs: Path

    @property
    def folds(self) -> list[int]:
        """All folds of the data, sorted."""
        return sorted({sample.fold for sample in self.samples if sample.fold is not None})

    def history(self, run: str) -> History:
        """Return the figures of every epoch of a run; none where they were not kept."""
        return read_history(self.runs / f"{run}.fit" / "history.csv")


def open_experiment(directory: Path, manifest: Path, runs: Path, tell: Tell = tell_nobody) -> Experiment:
    """Read the images' list; `tell` hears what is left out of it.

    Raises DataError where a row lacks fold or group, or a group has two folds.
    """
    samples = read_samples(directory, manifest, tuple(each.code for each in CLASSES), tell)
    bare = sum(1 for sample in samples if sample.fold is None or sample.group is None)
    if bare:
        raise DataError(
            "data_invalid",
            "A comparison across patients needs the columns fold and group in every row of the manifest. "
            f"Received {bare} rows without them.",
        )
    refuse_shared_groups(samples)
    return Experiment(directory, manifest, tuple(samples), runs)


def load_recipes(names: Sequence[str]) -> list[Recipe]:
    """Read the recipes in the given order. Raises DataError recipe_invalid, also where one is named twice."""
    recipes = [load_recipe(name) for name in names]
    if len({recipe.id for recipe in recipes}) < len(recipes):
        raise DataError("recipe_invalid", f"A recipe is named twice. Received {', '.join(names)}.")
    return recipes


def select(
    recipes: Sequence[Recipe],
    experiment: Experiment,
    folds: Sequence[int],
    *,
    tell: Tell = lambda _sentence: None,
    progress: Progress = silent,
) -> Comparison:
    """Compare at least one recipe on the images of `folds`, each image seen by a model that did not learn
    from its fold.

    Finished runs are loaded, interrupted ones go on. tell: told what is done; progress: how many of how many
    images. Raises DataError, ManifestError, and OSError where a run cannot be written.
    """
    missing = sorted(set(folds) - set(experiment.folds))
    if missing or not folds:
        raise DataError(
            "data_missing", f"The data have the folds {experiment.folds} only. Received {list(folds)}."
        )
    scored = [sample for sample in experiment.samples if sample.fold in folds]
    candidates = [_candidate(recipe, experiment, folds, scored, tell, progress) for recipe in recipes]
    tell("The figures of all candidates are being compared.")
    return compare(candidates, _scored(scored))


def _scored(samples: Sequence[Sample]) -> Scored:
    codes = tuple(each.code for each in CLASSES)
    known = all(sample.first_of_slice is not None for sample in samples)
    return Scored(
        truth=np.array([codes.index(sample.label) for sample in samples], np.int64),
        groups=[str(sample.group) for sample in samples],
        distinct=np.array([bool(sample.first_of_slice) for sample in samples]) if known else None,
        codes=codes,
    )


def _candidate(
    recipe: Recipe,
    experiment: Experiment,
    folds: Sequence[int],
    scored: Sequence[Sample],
    tell: Tell,
    progress: Progress,
) -> Candidate:
    probabilities = np.full((len(scored), len(CLASSES)), np.nan)
    models: list[FoldModel] = []
    parameters = weights_bytes = 0
    for fold in sorted(set(folds)):
        manifest = _fold_model(recipe, fold, experiment, tell, progress)
        predictor = Predictor.load(manifest)
        rows = [index for index, sample in enumerate(scored) if sample.fold == fold]
        own = [scored[index] for index in rows]
        probabilities[rows] = run(predictor, own, seed=0, progress=progress).probabilities
        weights = verify_weights(manifest)
        parameters = parameter_count(weights)
        weights_bytes = max(weights_bytes, weights.stat().st_size)
        models.append(_described(recipe, manifest, fold, experiment))
    return Candidate(recipe.id, recipe.title, parameters, weights_bytes, tuple(models), probabilities)


def _fold_model(
    recipe: Recipe, fold: int, experiment: Experiment, tell: Tell, progress: Progress
) -> Manifest:
    """Return the model for which `fold` was held out: the finished run's, or that of a run made now."""
    wanted = for_fold(recipe, fold, experiment.folds)
    if isinstance(recipe.fit, Fit) and fold in wanted.split.validation_folds:
        raise DataError(
            "data_invalid",
            "Early stopping needs a third fold, so that the scored one chooses nothing. "
            f"Received the folds {experiment.folds}.",
        )
    path = experiment.runs / f"{wanted.id}.json"
    if path.exists():
        tell(f"{wanted.id}: a finished run is loaded.")
    else:
        tell(f"{wanted.id}: training, from the last checkpoint where there is one.")
        keras.utils.clear_session()
        path = train_fold(recipe, experiment.directory, experiment.manifest, fold, experiment.runs, progress)
    manifest = load_manifest(path)
    refuse_other(manifest.training, wanted, digest_of(_training_samples(wanted, experiment.samples)))
    return manifest


def _training_samples(recipe: Recipe, samples: Sequence[Sample]) -> list[Sample]:
    known = distinct(samples) if recipe.split.distinct_only else samples
    return [sample for sample in known if sample.fold in recipe.split.training_folds]


def _described(recipe: Recipe, manifest: Manifest, fold: int, experiment: Experiment) -> FoldModel:
    split = for_fold(recipe, fold, experiment.folds).split
    return FoldModel(
        fold=fold,
        run=manifest.id,
        weights_sha256=manifest.weights_sha256,
        training_folds=split.training_folds,
        stopping_folds=split.validation_folds if isinstance(recipe.fit, Fit) else (),
        epochs=len(experiment.history(manifest.id)),
    )
