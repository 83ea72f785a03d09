"""Checkpoints of a training run: plain numpy archives, each written whole or not at all.

Keras's own go through HDF5, which brings the process down where the disk is full (a segmentation fault on
closing the file, h5py 3) and leaves half a file behind.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from inference.errors import DataError
from inference.files import write_whole

_EPOCHS = "epochs"


def save_variables(path: Path, variables: Sequence[keras.Variable], epochs: int) -> None:
    """Write the variables' values, in their order, and how many epochs they have seen. Raises OSError."""
    values = {f"{index:05}": np.asarray(variable.numpy()) for index, variable in enumerate(variables)}
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **values, **{_EPOCHS: np.array(epochs)})
    write_whole(path, buffer.getvalue())


def load_variables(path: Path, variables: Sequence[keras.Variable]) -> int:
    """Set the variables to what `save_variables` wrote and return the epochs; 0 and no change without a file.

    Raises DataError run_mismatch where the file is of another network.
    """
    if not path.is_file():
        return 0
    with np.load(path, allow_pickle=False) as archive:
        values = [archive[name] for name in sorted(set(archive.files) - {_EPOCHS})]
        epochs = int(archive[_EPOCHS])
    if [each.shape for each in values] != [tuple(variable.shape) for variable in variables]:
        raise DataError(
            "run_mismatch",
            "The checkpoint that lies there is of another network; use another folder, or remove the run. "
            f"Received {len(values)} arrays.",
        )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return epochs


class Backup(keras.callbacks.Callback):
    """After each epoch writes what a resumed run needs: the model's variables and the optimizer's."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write."""
        save_variables(self._path, state_of(self.model), epoch + 1)


class Best(keras.callbacks.Callback):
    """Writes the model's variables whenever the validation loss is lower than ever before."""

    def __init__(self, path: Path, past: Sequence[Mapping[str, float]]) -> None:
        super().__init__()
        self._path = path
        self._lowest = min((row["val_loss"] for row in past), default=float("inf"))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Compare, and write where it is lower."""
        loss = float((logs or {})["val_loss"])
        if loss < self._lowest:
            self._lowest = loss
            save_variables(self._path, self.model.variables, epoch + 1)


def state_of(model: keras.Model) -> list[Any]:
    """Return the variables of a compiled model and of its built optimizer."""
    return [*model.variables, *model.optimizer.variables]
