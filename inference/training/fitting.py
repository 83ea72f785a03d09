"""Fitting a network to a recipe: resumable, with a history, best checkpoint by validation loss."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from inference.networks import build_network
from inference.training.augmentation import augment
from inference.training.checkpoints import Backup, Best, load_variables, state_of
from inference.training.data import Tensors
from inference.training.recall import MacroRecall
from inference.training.recipe import Fit, Recipe


class Batches(keras.utils.PyDataset):
    """Shuffled, augmented batches. Order and draws depend on seed and epoch only, so that a resumed run
    agrees.
    """

    def __init__(
        self, data: Tensors, recipe: Recipe, weights: NDArray[np.float32] | None, first_epoch: int = 0
    ) -> None:
        super().__init__()
        self._data, self._recipe, self._weights = data, recipe, weights
        self._epoch = first_epoch
        self._order = self._shuffled()

    def __len__(self) -> int:
        return math.ceil(len(self._data.labels) / self._recipe.fit.batch_size)

    def __getitem__(self, index: int) -> tuple[NDArray[Any], ...]:
        size = self._recipe.fit.batch_size
        chosen = self._order[index * size : (index + 1) * size]
        rng = np.random.default_rng([self._recipe.seed, self._epoch, index])
        images = augment(self._data.images[chosen].astype(np.float32), self._recipe.augmentation, rng)
        if self._weights is None:
            return images, self._data.labels[chosen]
        return images, self._data.labels[chosen], self._weights[chosen]

    def on_epoch_end(self) -> None:
        """Shuffle for the next epoch."""
        self._epoch += 1
        self._order = self._shuffled()

    def _shuffled(self) -> NDArray[np.int64]:
        return np.random.default_rng([self._recipe.seed, self._epoch]).permutation(len(self._data.labels))


class HistoryFile(keras.callbacks.Callback):
    """Keeps each epoch's figures in a CSV file, written anew each time: an epoch that is repeated after an
    interruption replaces its row, and no row is ever half there.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the rows of all epochs up to this one."""
        row = {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        partial = self._path.with_name(f"{self._path.name}.partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, sorted(row))
            writer.writeheader()
            writer.writerows([*read_history(self._path)[:epoch], row])
        partial.replace(self._path)


class Replay(keras.callbacks.Callback):
    """After a resume, shows past epochs to callbacks that count them; they forget when fitting begins.

    It stands after them, so that its turn comes once they have forgotten, and starts from the first learning
    rate, which they then reduce as they did.
    """

    def __init__(
        self,
        past: Sequence[Mapping[str, float]],
        callbacks: Sequence[keras.callbacks.Callback],
        learning_rate: float,
    ) -> None:
        super().__init__()
        self._past, self._callbacks, self._learning_rate = past, callbacks, learning_rate

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        """Repeat the ends of the past epochs."""
        self.model.optimizer.learning_rate = self._learning_rate
        for epoch, row in enumerate(self._past):
            for callback in self._callbacks:
                callback.on_epoch_end(epoch, dict(row))


def fit(
    recipe: Recipe,
    training: Tensors,
    validation: Tensors,
    *,
    class_count: int,
    directory: Path,
    weights: NDArray[np.float32] | None = None,
    verbose: int = 2,
) -> keras.Model:
    """Train, or go on where an interrupted run in `directory` stopped, and return the best epoch's model.

    weights: float32 (N,) of the training images, mean 1; None weighs all alike. `directory` receives
    history.csv, best.npz and, until the run is complete, its checkpoint. Raises OSError where that is full.
    """
    settings = _fit_of(recipe)
    directory.mkdir(parents=True, exist_ok=True)
    complete = directory / "complete"
    best_file, checkpoint = directory / "best.npz", directory / "checkpoint.npz"
    keras.utils.set_random_seed(recipe.seed)
    model = build_network(recipe.network, recipe.input_size, class_count)
    model.compile(
        optimizer=keras.optimizers.Adam(settings.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy", MacroRecall(class_count)],
    )
    # A checkpoint holds the optimizer's variables, which a fresh optimizer does not have yet.
    model.optimizer.build(model.trainable_variables)
    if complete.exists():
        load_variables(best_file, model.variables)
        return model
    done = load_variables(checkpoint, state_of(model))
    past = read_history(directory / "history.csv")[:done]
    model.fit(
        Batches(training, recipe, weights, first_epoch=done),
        validation_data=(validation.images.astype(np.float32), validation.labels),
        initial_epoch=done,
        epochs=settings.epochs,
        callbacks=_callbacks(settings, directory, past),
        # Keras would shuffle the batches once more, by a state that a resumed run does not have.
        shuffle=False,
        verbose=verbose,
    )
    complete.touch()
    checkpoint.unlink()
    load_variables(best_file, model.variables)
    return model


def read_history(path: Path) -> list[dict[str, float]]:
    """Return one row of figures an epoch from history.csv; empty where there is none yet."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def _fit_of(recipe: Recipe) -> Fit:
    if not isinstance(recipe.fit, Fit):
        raise TypeError(f"This recipe does not stop early: {recipe.id}")
    return recipe.fit


def _callbacks(
    settings: Fit, directory: Path, past: Sequence[Mapping[str, float]]
) -> list[keras.callbacks.Callback]:
    counting = [
        keras.callbacks.EarlyStopping("val_loss", patience=settings.early_stopping_patience),
        keras.callbacks.ReduceLROnPlateau(
            "val_loss", factor=settings.reduce_factor, patience=settings.reduce_patience
        ),
    ]
    return [
        *counting,
        Best(directory / "best.npz", past),
        HistoryFile(directory / "history.csv"),
        # Last: an epoch counts as done once all else about it is written.
        Backup(directory / "checkpoint.npz"),
        Replay(past, counting, settings.learning_rate),
    ]
