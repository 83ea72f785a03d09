"""Macro recall as a Keras metric, so that the history shows it beside the loss."""

from __future__ import annotations

from typing import Any

import keras


class MacroRecall(keras.metrics.Metric):
    """Mean over the classes that occur of the share of their images that are recognised.

    Takes labels as int (B,) or one-hot float (B, C), and logits (B, C).
    """

    def __init__(self, class_count: int, name: str = "recall") -> None:
        super().__init__(name=name)
        self._class_count = class_count
        self._found = self.add_weight(shape=(class_count,), initializer="zeros", name="found")
        self._all = self.add_weight(shape=(class_count,), initializer="zeros", name="all")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Count one batch; all images count alike."""
        if len(y_true.shape) == 2 and y_true.shape[1] == self._class_count:
            truth = keras.ops.cast(y_true > 0.5, "float32")
        else:
            truth = keras.ops.one_hot(
                keras.ops.cast(keras.ops.reshape(y_true, (-1,)), "int32"), self._class_count
            )
        guess = keras.ops.one_hot(keras.ops.argmax(y_pred, axis=-1), self._class_count)
        self._found.assign_add(keras.ops.sum(truth * guess, axis=0))
        self._all.assign_add(keras.ops.sum(truth, axis=0))

    def result(self) -> Any:
        """Return the mean so far."""
        occurs = keras.ops.cast(self._all > 0, "float32")
        recalls = self._found / keras.ops.maximum(self._all, 1.0)
        return keras.ops.sum(recalls * occurs) / keras.ops.maximum(keras.ops.sum(occurs), 1.0)
