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
from inference.training.data import Tensors
from inference.training.recipe import Recipe


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
    """Appends each epoch's figures to a CSV file, closed in between: Keras's CSVLogger keeps it
    open when interrupted.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write one row, and the heading before the first."""
        row = {"epoch": epoch, **{name: float(value) for name, value in (logs or {}).items()}}
        is_first = not self._path.exists()
        with self._path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, sorted(row))
            if is_first:
                writer.writeheader()
            writer.writerow(row)


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
    history.csv, best.weights.h5 and, until the run is complete, its checkpoint.
    """
    directory.mkdir(parents=True, exist_ok=True)
    complete = directory / "complete"
    best_file = directory / "best.weights.h5"
    past = read_history(directory / "history.csv")
    keras.utils.set_random_seed(recipe.seed)
    model = build_network(recipe.network, recipe.input_size, class_count)
    model.compile(
        optimizer=keras.optimizers.Adam(recipe.fit.learning_rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    # A checkpoint holds the optimizer's variables, which a fresh optimizer does not have yet.
    model.optimizer.build(model.trainable_variables)
    if complete.exists():
        model.load_weights(best_file)
        return model
    model.fit(
        Batches(training, recipe, weights, first_epoch=len(past)),
        validation_data=(validation.images.astype(np.float32), validation.labels),
        epochs=recipe.fit.epochs,
        callbacks=_callbacks(recipe, directory, best_file, past),
        verbose=verbose,
    )
    complete.touch()
    model.load_weights(best_file)
    return model


def read_history(path: Path) -> list[dict[str, float]]:
    """Return one row of figures an epoch from history.csv; empty where there is none yet."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def _callbacks(
    recipe: Recipe, directory: Path, best_file: Path, past: Sequence[Mapping[str, float]]
) -> list[keras.callbacks.Callback]:
    counting = [
        keras.callbacks.EarlyStopping("val_loss", patience=recipe.fit.early_stopping_patience),
        keras.callbacks.ReduceLROnPlateau(
            "val_loss", factor=recipe.fit.reduce_factor, patience=recipe.fit.reduce_patience
        ),
    ]
    best = keras.callbacks.ModelCheckpoint(
        str(best_file),
        monitor="val_loss",
        save_best_only=True,
        save_weights_only=True,
        initial_value_threshold=min((row["val_loss"] for row in past), default=None),
    )
    backup = keras.callbacks.BackupAndRestore(str(directory / "checkpoint"))
    history = HistoryFile(directory / "history.csv")
    return [*counting, best, backup, history, Replay(past, counting, recipe.fit.learning_rate)]
