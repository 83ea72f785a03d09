"""Random geometry: mirror images, rotation, shift, shear and zoom as one affine map, so that a picture is
interpolated once; and where the lesion lies afterwards.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.training.recipe import Augmentation

# A cell of a lesion mask is covered as far as these many points a side of it are.
_POINTS = 4
# The picture with its black margins, as a share of its side more: 0.5 shrinks it to two thirds.
_LARGEST_MARGIN = 0.5


def augment(
    images: NDArray[np.float32], bounds: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the images, each under its own random map; black comes in from outside.

    images: float32 (B, S, S, 1). The result has the same shape and range.
    """
    return warp(images, random_transforms(len(images), images.shape[1], bounds, rng))


def warp(images: NDArray[np.float32], transforms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 (B, S, S, 1), each image under its own map, by Pillow: the same on every backend.

    transforms: (B, 6), as `random_transforms` makes them.
    """
    return np.stack(
        [_warped(image[..., 0], transform) for image, transform in zip(images, transforms, strict=True)]
    )[..., None]


def _warped(image: NDArray[np.float32], transform: NDArray[np.float32]) -> NDArray[np.float32]:
    """One image, bilinear; Pillow counts from a pixel's corner, the map from its centre."""
    a, b, c, d, e, f = (float(each) for each in transform)
    corner = (a, b, c + (1 - a - b) / 2, d, e, f + (1 - d - e) / 2)
    picture = Image.fromarray(image).transform(
        image.shape[::-1], Image.Transform.AFFINE, corner, Image.Resampling.BILINEAR
    )
    return np.asarray(picture, np.float32)


def warp_boxes(
    boxes: NDArray[np.float32], transforms: NDArray[np.float32], side: int, grid: int
) -> NDArray[np.float32]:
    """Return float32 (B, grid, grid): the share of each cell that a lesion box covers after `warp`.

    boxes: float32 (B, 4), x0, y0, x1, y1 in shares of the square; NaN where no lesion is marked, which gives
    zeros. side: the images' side in pixels.
    """
    points = (np.arange(grid * _POINTS, dtype=np.float32) + 0.5) / (grid * _POINTS) * side - 0.5
    x, y = points[None, None, :], points[None, :, None]
    a, b, c, d, e, f = transforms.T[:, :, None, None]
    from_x, from_y = (a * x + b * y + c + 0.5) / side, (d * x + e * y + f + 0.5) / side
    x0, y0, x1, y1 = (boxes[:, index, None, None] for index in range(4))
    inside = (from_x >= x0) & (from_x < x1) & (from_y >= y0) & (from_y < y1)
    cells = inside.reshape(len(boxes), grid, _POINTS, grid, _POINTS)
    covered: NDArray[np.float32] = cells.mean(axis=(2, 4), dtype=np.float32)
    return covered


def random_transforms(
    count: int, side: int, bounds: Augmentation, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return float32 (count, 6), a, b, c, d, e, f of each map: what comes to (x, y) was at
    (a x + b y + c, d x + e y + f). They turn about the picture's centre.
    """
    angle = np.radians(rng.uniform(-bounds.rotation_degrees, bounds.rotation_degrees, count))
    shear = rng.uniform(-bounds.shear, bounds.shear, count)
    zoom_x, zoom_y = 1.0 + rng.uniform(-bounds.zoom, bounds.zoom, (2, count))
    # Drawn only where asked for, so that older recipes keep their draws.
    if bounds.margin:
        shrunk = rng.random(count) < bounds.margin
        larger_x, larger_y = 1.0 + rng.uniform(0.0, _LARGEST_MARGIN, (2, count)) * shrunk
        zoom_x, zoom_y = zoom_x * larger_x, zoom_y * larger_y
    shift_x, shift_y = rng.uniform(-bounds.shift, bounds.shift, (2, count)) * side
    mirrored = np.where(rng.random(count) < bounds.mirror, -1.0, 1.0)
    flipped = np.where(rng.random(count) < bounds.flip, -1.0, 1.0)
    a = np.cos(angle) * zoom_x * mirrored
    b = (np.cos(angle) * shear - np.sin(angle)) * zoom_y * mirrored
    c = np.sin(angle) * zoom_x * flipped
    d = (np.sin(angle) * shear + np.cos(angle)) * zoom_y * flipped
    centre = (side - 1) / 2
    offset_x = centre - a * centre - b * centre + shift_x
    offset_y = centre - c * centre - d * centre + shift_y
    return np.stack([a, b, offset_x, c, d, offset_y], axis=1).astype(np.float32)
