"""Take a lesion out of a slice, or as large a piece of healthy head.

A hard black box would itself be a cue: networks answer to its edges. So a box is filled with the median grey
of the ring around it and blended into that ring. A flat patch is still not anatomy, which is why the same
patch elsewhere in the head is measured beside it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.training.changes import Grey
from inference.training.data import Box

# Width of the ring, as a share of the box's longer side and in pixels at least.
_RIM = 0.25
_LEAST_RIM = 2
# What is darker than this share of the bright tissue is taken for air.
_AIR = 0.1
# A box elsewhere lies in the head with this share of its area.
_WITHIN = 0.95

# Rows and columns of a box in pixels: top, left, bottom, right; the last two just beyond.
PixelBox = tuple[int, int, int, int]


def pixel_box(box: Box, shape: tuple[int, int]) -> PixelBox:
    """Return the whole pixels that a box in shares of width and height touches, within the picture."""
    height, width = shape
    x0, y0, x1, y1 = box
    top, left = min(int(y0 * height), height - 1), min(int(x0 * width), width - 1)
    return top, left, max(top + 1, int(np.ceil(y1 * height))), max(left + 1, int(np.ceil(x1 * width)))


def blank(grey: Grey, box: PixelBox) -> Grey:
    """Return the slice with the box filled; beyond its rim nothing changes. grey: uint8 (H, W)."""
    distance, rim = _distance(grey.shape, box), _rim(box)
    ring = grey[(distance > 0) & (distance <= rim)]
    fill = float(np.median(ring if ring.size else grey))
    share = np.clip(1.0 - distance / (rim + 1), 0.0, 1.0)
    return np.rint(share * fill + (1.0 - share) * grey).astype(np.uint8)


def box_elsewhere(grey: Grey, box: PixelBox, rng: np.random.Generator) -> PixelBox | None:
    """Return a box of the same size within the head whose rim stays off the given one; None where there is
    no room.
    """
    top, left, bottom, right = box
    height, width = bottom - top, right - left
    if height > grey.shape[0] or width > grey.shape[1]:
        return None
    free = _covered(head_mask(grey), height, width) >= _WITHIN
    rim = _rim(box)
    free[max(0, top - height - rim + 1) : bottom + rim, max(0, left - width - rim + 1) : right + rim] = False
    places = np.argwhere(free)
    if not len(places):
        return None
    row, column = (int(each) for each in places[rng.integers(len(places))])
    return row, column, row + height, column + width


def head_mask(grey: Grey) -> NDArray[np.bool_]:
    """Return bool (H, W): the largest bright area with its holes filled."""
    bright = grey > _AIR * np.percentile(grey, 99.5)
    areas, count = ndimage.label(bright)
    if not count:
        return np.zeros(grey.shape, np.bool_)
    largest = np.argmax(np.bincount(areas.ravel())[1:]) + 1
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(areas == largest)
    return filled


def _rim(box: PixelBox) -> int:
    top, left, bottom, right = box
    return max(_LEAST_RIM, round(_RIM * max(bottom - top, right - left)))


def _distance(shape: tuple[int, ...], box: PixelBox) -> NDArray[np.float64]:
    """(H, W): how many pixels outside of the box; 0 within."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    top, left, bottom, right = box
    down = np.maximum(np.maximum(top - rows, rows - (bottom - 1)), 0)
    across = np.maximum(np.maximum(left - columns, columns - (right - 1)), 0)
    return np.hypot(down, across)


def _covered(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.float64]:
    """The share of the mask in each box of this size, by the box's top left corner."""
    sums = np.pad(mask.astype(np.float64).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    within = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    share: NDArray[np.float64] = within / (height * width)
    return share
