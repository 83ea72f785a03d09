"""Regions of a picture blacked out for good, as where text is burned in (PS3.15, Clean Pixel Data Option)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from inference.errors import InferenceError
from inference.formats.base import Pixels

# Left, top, right and bottom edge, in whole pixels from the picture's upper left corner.
Box: TypeAlias = tuple[int, int, int, int]
MOST_BOXES = 50


class BoxError(InferenceError):
    """Boxes that cannot be blacked out. Codes: box_missing, boxes_too_many, box_empty, box_outside."""


def checked_boxes(boxes: Sequence[Box], width: int, height: int) -> tuple[Box, ...]:
    """The boxes, each at least a pixel and inside a picture of this size. Raises BoxError."""
    if not boxes:
        raise BoxError("box_missing", "Draw a rectangle around the text first.")
    if len(boxes) > MOST_BOXES:
        raise BoxError(
            "boxes_too_many",
            "At most %(most)s rectangles at once. Received %(received)s.",
            most=MOST_BOXES,
            received=len(boxes),
        )
    for x0, y0, x1, y1 in boxes:
        if not (x0 < x1 and y0 < y1):
            raise BoxError("box_empty", "Right is greater than left, and bottom greater than top.")
        if not (x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height):
            raise BoxError(
                "box_outside",
                "A rectangle reaches beyond the picture of %(width)s by %(height)s pixels.",
                width=width,
                height=height,
            )
    return tuple(boxes)


def blacked_out(pixels: Pixels, boxes: Sequence[Box]) -> Pixels:
    """The picture without what was in the boxes, as a new array of the same type.

    pixels: uint8 or uint16 (H, W), or uint8 (H, W, 3) RGB. Of greys the darkest outside of the boxes takes
    their place, as it is the ground: zero may lie far below all others, and would widen the window that a
    network sees the picture through. Of colours it is black.
    """
    inside = np.zeros(pixels.shape[:2], bool)
    for x0, y0, x1, y1 in boxes:
        inside[y0:y1, x0:x1] = True
    outside = pixels[~inside]
    cleaned = pixels.copy()
    cleaned[inside] = outside.min() if pixels.ndim == 2 and outside.size else 0
    return cleaned
