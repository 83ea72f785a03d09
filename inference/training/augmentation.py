"""Random rotation, shift, shear and zoom as one affine map, so that a picture is interpolated once."""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray

from inference.training.recipe import Augmentation


def augment(
    images: NDArray[np.float32], bounds: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the images, each under its own random map; black comes in from outside.

    images: float32 (B, S, S, 1). The result has the same shape and range.
    """
    transforms = random_transforms(len(images), images.shape[1], bounds, rng)
    moved = keras.ops.image.affine_transform(
        images, transforms, interpolation="bilinear", fill_mode="constant", fill_value=0.0
    )
    return np.asarray(keras.ops.convert_to_numpy(moved), np.float32)


def random_transforms(
    count: int, side: int, bounds: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return float32 (count, 8) in the order of keras.ops.image.affine_transform, about the
    picture's centre.
    """
    angle = np.radians(rng.uniform(-bounds.rotation_degrees, bounds.rotation_degrees, count))
    shear = rng.uniform(-bounds.shear, bounds.shear, count)
    zoom_x, zoom_y = 1.0 + rng.uniform(-bounds.zoom, bounds.zoom, (2, count))
    shift_x, shift_y = rng.uniform(-bounds.shift, bounds.shift, (2, count)) * side
    a = np.cos(angle) * zoom_x
    b = (np.cos(angle) * shear - np.sin(angle)) * zoom_y
    c = np.sin(angle) * zoom_x
    d = (np.sin(angle) * shear + np.cos(angle)) * zoom_y
    centre = (side - 1) / 2
    offset_x = centre - a * centre - b * centre + shift_x
    offset_y = centre - c * centre - d * centre + shift_y
    zeros = np.zeros(count)
    return np.stack([a, b, offset_x, c, d, offset_y, zeros, zeros], axis=1).astype(np.float32)
