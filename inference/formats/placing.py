"""Turning a slice the way radiologists look at it, and drawing it with square pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.formats.base import Limits, Notice, Pixels
from inference.formats.pillow import check_size
from inference.geometry import Geometry, Way, square_shape, squared, turned

_TURNED = Notice(
    "turned_radiological",
    "The picture was turned as radiologists look at it, by the position that the file tells.",
)
_SQUARED = Notice(
    "pixels_squared", "The file's pixels are not square; the picture was drawn anew with square ones."
)


def placed(
    pixels: Pixels, geometry: Geometry, aspect: float, limits: Limits, notices: list[Notice]
) -> tuple[Pixels, Geometry, Way]:
    """Return the picture upright and with square pixels, where it lies then, and which way it was turned.

    aspect: the height of a pixel over its width, in the file's rows and columns; of no account where spacing
    is known. Raises ImageError too_many_pixels where square pixels would be too many.
    """
    if geometry.spacing:
        aspect = geometry.spacing[0] / geometry.spacing[1]
    shape = square_shape(pixels.shape[0], pixels.shape[1], aspect)
    check_size(shape[1], shape[0], limits)
    if shape != pixels.shape[:2]:
        notices.append(_SQUARED)
        geometry = squared(geometry, pixels.shape, shape)
        pixels = _drawn(pixels, shape)
    shown, geometry, way = turned(pixels, geometry)
    if any(way):
        notices.append(_TURNED)
    return shown, geometry, way


def _drawn(pixels: Pixels, shape: tuple[int, int]) -> Pixels:
    """The same field with more rows or columns, each between its neighbours in a straight line."""
    if pixels.dtype == np.uint8:
        return np.asarray(_resized(pixels, shape), np.uint8)
    return np.asarray(np.rint(_resized(pixels.astype(np.float32), shape)), np.uint16)


def _resized(values: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    return np.asarray(Image.fromarray(values).resize(shape[::-1], Image.Resampling.BILINEAR))
