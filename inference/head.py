"""Where the head lies in a slice: the box round what is not background, whatever black stands round it.

Found on a small copy of the picture with numpy and Pillow alone, because every process that shows or analyses
a slice needs it (docs/adr/0044-head-first.md).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

HeadBox = tuple[int, int, int, int]

# The copy's longer side is between two thirds of this and one and a half times; smaller pictures keep theirs.
_SIDE = 224
_PERCENTILES = (1.0, 99.5)
# Of the range between these percentiles, over the mean of 5 x 5 pixels.
_BACKGROUND, _BLUR = 0.12, 2
# A row belongs to the head where this share of the fullest row's pixels does.
_EDGE = 0.06
# Of its longer side, found again: an even thing with something bright in it would lose more than a head does.
_KEPT = 3 / 4
# A box with less than this share of the picture's longer side is no head, but a label or a speck.
_LEAST = 1 / 4


def head_box(grey: NDArray[np.uint8 | np.uint16]) -> HeadBox:
    """Return x0, y0, x1, y1 in pixels, the right and lower ones exclusive: the whole picture where no head is
    found.

    grey: (H, W). The box is found twice, the second time from the greys of the first alone: so it does not
    depend on how much black there is. What stands apart, as letters in a corner do, is left out.
    """
    height, width = grey.shape
    step = max(1, round(max(height, width) / _SIDE))
    small = Image.fromarray(np.asarray(grey, np.float32))
    greys = np.asarray(small.reduce(step) if step > 1 else small)
    box = _found(greys, (0, 0, greys.shape[1], greys.shape[0]))
    again = _found(greys, box)
    if _longer(again) >= _KEPT * _longer(box):
        box = again
    x0, y0, x1, y1 = (edge * step for edge in box)
    box = (x0, y0, min(x1, width), min(y1, height))
    return box if _longer(box) >= _LEAST * max(height, width) else (0, 0, width, height)


def _found(greys: NDArray[np.float32], within: HeadBox) -> HeadBox:
    """The box by the greys that lie within another, which is returned where these are all the same."""
    x0, y0, x1, y1 = within
    low, high = np.percentile(greys[y0:y1, x0:x1], _PERCENTILES)
    if high <= low:
        return within
    shown = np.clip((greys - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    blurred = np.asarray(Image.fromarray(shown).filter(ImageFilter.BoxBlur(_BLUR)))
    return _box_of(blurred > 255 * _BACKGROUND)


def _longer(box: HeadBox) -> int:
    x0, y0, x1, y1 = box
    return max(x1 - x0, y1 - y0)


def _box_of(mask: NDArray[np.bool_]) -> HeadBox:
    """The rows that belong together, then the columns within them, and both once more within each other."""
    y0, y1, x0, x1 = 0, mask.shape[0], 0, mask.shape[1]
    for _ in range(2):
        y0, y1 = _fullest_run(mask[:, x0:x1].sum(axis=1))
        x0, x1 = _fullest_run(mask[y0:y1].sum(axis=0))
    return x0, y0, x1, y1


def _fullest_run(counts: NDArray[np.int64]) -> tuple[int, int]:
    """Start and end of the neighbours that are above the edge and hold the most together."""
    steps = np.diff((counts > counts.max() * _EDGE).astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not len(starts):
        return 0, len(counts)
    total = np.concatenate([[0], np.cumsum(counts)])
    best = int(np.argmax(total[ends] - total[starts]))
    return int(starts[best]), int(ends[best])
