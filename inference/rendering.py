"""A picture as a DICOMweb client wants to see it: through a window of its own, a part of it, in another size
(PS3.18, 8.3.5; the functions are those of PS3.3, C.11.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.errors import InferenceError
from inference.formats.base import Intensity, Pixels

Function: TypeAlias = Literal["linear", "linear-exact", "sigmoid"]


class RenderingError(InferenceError):
    """What cannot be rendered so. Codes: window_of_colours, region_outside."""


@dataclass(frozen=True)
class ValueWindow:
    """Centre and width in the file's own values."""

    centre: float
    width: float
    function: Function


@dataclass(frozen=True)
class Viewport:
    """The size to fit into, and the part of the picture that is shown: `across` and `down` are to the edge
    where None, and below zero where the part is mirrored.
    """

    width: int
    height: int
    left: float = 0.0
    top: float = 0.0
    across: float | None = None
    down: float | None = None


def windowed(pixels: Pixels, window: ValueWindow, intensity: Intensity) -> NDArray[np.uint8]:
    """The greys through the window.

    pixels: uint8 or uint16 (H, W); intensity: what they stand for, as they are where it does not tell. Where
    bright is low, as in MONOCHROME1, it stays so. Returns uint8 (H, W). Raises RenderingError.
    """
    if pixels.ndim != 2:
        raise RenderingError("window_of_colours", "A picture in colour has no window.")
    slope = intensity.slope if intensity.slope is not None else 1.0
    values = pixels.astype(np.float64) * slope + (intensity.intercept or 0.0)
    shares = _shares(values, window)
    return np.asarray(np.rint(255 * (1 - shares if slope < 0 else shares)), np.uint8)


def _shares(values: NDArray[np.float64], window: ValueWindow) -> NDArray[np.float64]:
    """From 0, black, to 1."""
    if window.function == "sigmoid":
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-4 * (values - window.centre) / window.width)))
    centre, width = window.centre, window.width
    if window.function == "linear":
        centre, width = centre - 0.5, width - 1
    if width == 0:
        return np.asarray(values > centre, np.float64)
    return np.asarray(np.clip((values - centre) / width + 0.5, 0, 1))


def fitted(shown: NDArray[np.uint8], viewport: Viewport) -> NDArray[np.uint8]:
    """The part of the picture that the viewport names, as large as fits into it, its sides in proportion.

    shown: uint8 (H, W) or (H, W, 3). Returns uint8 of the same kind. Raises RenderingError.
    """
    height, width = shown.shape[:2]
    across = width - viewport.left if viewport.across is None else viewport.across
    down = height - viewport.top if viewport.down is None else viewport.down
    right, bottom = viewport.left + abs(across), viewport.top + abs(down)
    if min(viewport.left, viewport.top) < 0 or right > width or bottom > height or 0 in (across, down):
        raise RenderingError(
            "region_outside",
            "The region reaches beyond the picture of %(width)s by %(height)s pixels, or is empty.",
            width=width,
            height=height,
        )
    scale = min(viewport.width / abs(across), viewport.height / abs(down))
    size = (max(1, math.floor(abs(across) * scale + 0.5)), max(1, math.floor(abs(down) * scale + 0.5)))
    part = Image.fromarray(shown).resize(
        size, Image.Resampling.BILINEAR, box=(viewport.left, viewport.top, right, bottom)
    )
    found: NDArray[np.uint8] = np.asarray(part)
    return found[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
