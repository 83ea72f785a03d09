"""The one way from decoded pixels to the network's tensor: training, prediction, Grad-CAM and demo all take
it.

One grey channel comes first, because in public collections the colour mode of a file gives the class away;
intensities are stretched between robust percentiles, so that 8, 12 and 16 bits of the same slice look alike;
the slice is fitted into a square and never stretched (docs/adr/0002-preprocessing-and-maps.md). Which square
a manifest's preprocessing says: the one round the picture, or the one round the head
(docs/adr/0044-head-first.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.formats.base import Pixels, row_blocks
from inference.head import HeadBox, head_box

PREPROCESSING_ID = "grey-letterbox-v1"
HEAD_ID = "grey-head-v1"
# What a manifest may name, and how many channels its tensor then has: the grey one, or that one three times,
# for networks whose backbone was made for colour photographs.
CHANNELS: Mapping[str, int] = {PREPROCESSING_ID: 1, "grey3-letterbox-v1": 3, HEAD_ID: 1}

_WINDOW_PERCENTILES = (1.0, 99.5)
_WINDOW_SAMPLE_SIDE = 256
# Of the head's longer side, round it.
_MARGIN = 0.04


@dataclass(frozen=True)
class Letterbox:
    """Where an image lies in the square that a tensor and its maps cover, in pixels of the image.

    side: the square's side. left, top: empty columns and rows before the image; they end in .5 where the
    padding is odd, and are below zero where the square begins within the image. Exact to half a pixel of the
    tensor.
    """

    side: int
    left: float
    top: float


def letterbox(width: int, height: int) -> Letterbox:
    """Return the centred square around an image of `width` x `height` pixels."""
    side = max(width, height)
    return Letterbox(side=side, left=(side - width) / 2, top=(side - height) / 2)


def _square_round(head: HeadBox) -> Letterbox:
    x0, y0, x1, y1 = head
    longer = max(x1 - x0, y1 - y0)
    side = longer + 2 * round(longer * _MARGIN)
    return Letterbox(side=side, left=(side - x0 - x1) // 2, top=(side - y0 - y1) // 2)


def to_grey(pixels: Pixels) -> Pixels:
    """Return uint8 or uint16 (H, W): the pixels themselves where grey, ITU-R 601 luma where RGB.

    The weights sum to exactly 65536 (as Pillow's do), so that equal channels give exactly their value.
    """
    if pixels.ndim == 2:
        return pixels
    weights = np.array([19595, 38470, 7471], np.uint32)
    grey = np.empty(pixels.shape[:2], np.uint8)
    for rows in row_blocks(*pixels.shape[:2]):
        grey[rows] = (pixels[rows].astype(np.uint32) @ weights + 0x8000) >> 16
    return grey


def intensity_window(pixels: Pixels) -> tuple[float, float]:
    """Return the grey values that become black and white: the 1st and 99.5th percentile, in the pixels' own
    unit.

    Taken from at most about 512 x 512 evenly spaced pixels. Where most pixels are equal the whole range is
    used; both values are the same only for a constant image.
    """
    grey = to_grey(pixels)
    step = max(1, min(grey.shape) // _WINDOW_SAMPLE_SIDE)
    low, high = np.percentile(grey[::step, ::step], _WINDOW_PERCENTILES)
    if high <= low:
        return float(grey.min()), float(grey.max())
    return float(low), float(high)


def brightness_of(pixels: Pixels) -> float:
    """Return the mean of what `to_display` shows of the picture, 0 black to 1 white.

    pixels: as `to_tensor` takes them. Of at most about 512 x 512 evenly spaced pixels.
    """
    step = max(1, min(pixels.shape[:2]) // _WINDOW_SAMPLE_SIDE)
    return float(to_grey(to_display(pixels[::step, ::step])).mean()) / 255


def to_tensor(pixels: Pixels, size: int, preprocessing: str = PREPROCESSING_ID) -> NDArray[np.float32]:
    """Return float32 (size, size, 1) in [0, 1]; zeros outside the image, and everywhere for a constant image.

    pixels: uint8 or uint16 (H, W), or uint8 (H, W, 3) RGB. preprocessing: a name in CHANNELS; round a head
    its own greys are stretched, however much black stands round it. The slice is resized first and padded
    after, so that memory stays proportional to the image even where it is very long and thin.
    """
    return to_tensor_and_square(pixels, size, preprocessing)[0]


def to_tensor_and_square(
    pixels: Pixels, size: int, preprocessing: str
) -> tuple[NDArray[np.float32], Letterbox]:
    """Return the tensor, as `to_tensor` does, and the square on the picture that it covers."""
    grey = to_grey(pixels)
    if preprocessing == HEAD_ID:
        head = head_box(grey)
        square = _square_round(head)
        return _head_tensor(grey, size, head, square), square
    return _whole_tensor(grey, size), letterbox(grey.shape[1], grey.shape[0])


def _whole_tensor(grey: Pixels, size: int) -> NDArray[np.float32]:
    low, high = intensity_window(grey)
    tensor = np.zeros((size, size, 1), np.float32)
    if high <= low:
        return tensor
    height, width = grey.shape
    scale = size / max(width, height)
    fitted = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = Image.fromarray(grey.astype(np.float32)).resize(fitted, Image.Resampling.BILINEAR)
    left, top = (size - fitted[0]) // 2, (size - fitted[1]) // 2
    content = np.clip((np.asarray(resized) - low) / (high - low), 0.0, 1.0)
    tensor[top : top + fitted[1], left : left + fitted[0], 0] = content
    return tensor


def _head_tensor(grey: Pixels, size: int, head: HeadBox, square: Letterbox) -> NDArray[np.float32]:
    """The square round the head, of which what lies within the picture is drawn."""
    x0, y0, x1, y1 = head
    low, high = intensity_window(grey[y0:y1, x0:x1])
    tensor = np.zeros((size, size, 1), np.float32)
    if high <= low:
        return tensor
    columns, into_x = _drawn(int(square.left), square.side, grey.shape[1], size)
    rows, into_y = _drawn(int(square.top), square.side, grey.shape[0], size)
    part = Image.fromarray(grey[rows, columns].astype(np.float32))
    fitted = (into_x.stop - into_x.start, into_y.stop - into_y.start)
    content = np.asarray(part.resize(fitted, Image.Resampling.BILINEAR))
    tensor[into_y, into_x, 0] = np.clip((content - low) / (high - low), 0.0, 1.0)
    return tensor


def _drawn(before: int, side: int, length: int, size: int) -> tuple[slice, slice]:
    """Along one axis: the image's pixels that lie in the square, and where they come to in the tensor."""
    start, end = max(0, -before), min(length, side - before)
    first = round((start + before) * size / side)
    return slice(start, end), slice(first, max(first + 1, round((end + before) * size / side)))


def to_channels(tensor: NDArray[np.float32], preprocessing: str) -> NDArray[np.float32]:
    """Return float32 (S, S, channels of the preprocessing). tensor: float32 (S, S, 1)."""
    return np.repeat(tensor, CHANNELS[preprocessing], axis=-1)


def to_display(pixels: Pixels, window: tuple[float, float] | None = None) -> NDArray[np.uint8]:
    """Return uint8 of the same shape for showing: through `window`, the greys that become black and white;
    without one 8-bit pixels as they are, 16-bit ones through the tensor's window.
    """
    if window is None and pixels.dtype == np.uint8:
        return pixels.view(np.uint8)
    low, high = window or intensity_window(pixels)
    if high <= low:
        return np.zeros(pixels.shape, np.uint8)
    shown = np.empty(pixels.shape, np.uint8)
    for rows in row_blocks(*pixels.shape[:2]):
        scaled = (pixels[rows].astype(np.float32) - low) * (255.0 / (high - low))
        shown[rows] = np.rint(np.clip(scaled, 0.0, 255.0))
    return shown
