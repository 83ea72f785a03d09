"""Changes of a picture that leave its content as it is: a network that looks at the content keeps its answer.

Each stands for a short cut that public collections offer (compression, size, contrast, colour mode, borders)
and works on decoded pixels, before the one preprocessing function.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.formats import Pixels
from inference.preprocessing import to_display, to_grey

_SIDE = 512
_PADDING = 1 / 8
_CUT = 1 / 20
_GREY_LEVELS = 25

Grey = NDArray[np.uint8]


@dataclass(frozen=True)
class Change:
    """`code` for programs, `label` for people. apply: from uint8 (H, W) to the changed pixels."""

    code: str
    label: str
    apply: Callable[[Grey], Pixels]


def grey_of(pixels: Pixels) -> Grey:
    """Return uint8 (H, W), from which the changes start: the same as the pixels where these are 8 bit."""
    return to_display(to_grey(pixels))


def _compressed(quality: int) -> Callable[[Grey], Pixels]:
    def apply(grey: Grey) -> Pixels:
        buffer = io.BytesIO()
        Image.fromarray(grey).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as image:
            return np.array(image)

    return apply


def _rescaled(grey: Grey) -> Pixels:
    height, width = grey.shape
    scale = _SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.array(Image.fromarray(grey).resize(size, Image.Resampling.BICUBIC))


def _gamma(exponent: float) -> Callable[[Grey], Pixels]:
    table = np.rint((np.arange(256) / 255) ** exponent * 255).astype(np.uint8)
    return lambda grey: table[grey]


def _linear(slope: float, offset: float) -> Callable[[Grey], Pixels]:
    """About mid-grey, clipped to 8 bits as a viewer's window does it."""
    table = np.clip(np.rint((np.arange(256) - 127.5) * slope + 127.5 + offset), 0, 255).astype(np.uint8)
    return lambda grey: table[grey]


def _padded(grey: Grey) -> Pixels:
    rows, columns = (round(side * _PADDING) for side in grey.shape)
    return np.pad(grey, ((rows, rows), (columns, columns)))


def _letterboxed(grey: Grey) -> Pixels:
    """Black bars left and right, to a width of four thirds of the height at least."""
    height, width = grey.shape
    missing = max(0, round(height * 4 / 3) - width)
    return np.pad(grey, ((0, 0), (missing // 2, missing - missing // 2)))


def _cropped(grey: Grey) -> Pixels:
    rows, columns = (round(side * _CUT) for side in grey.shape)
    return grey[rows : grey.shape[0] - rows, columns : grey.shape[1] - columns]


CHANGES: tuple[Change, ...] = (
    Change("mirrored", "Mirrored left to right", lambda grey: grey[:, ::-1]),
    Change("jpeg_50", "JPEG, quality 50", _compressed(50)),
    Change("jpeg_30", "JPEG, quality 30", _compressed(30)),
    Change("rescaled_512", "Re-scaled to 512 (bicubic)", _rescaled),
    Change("gamma_0_7", "Gamma 0.7", _gamma(0.7)),
    Change("gamma_1_4", "Gamma 1.4", _gamma(1.4)),
    Change("rgb", "Saved as RGB", lambda grey: np.repeat(grey[..., None], 3, axis=2)),
    Change("bits_16", "Saved with 16 bits", lambda grey: grey.astype(np.uint16) * np.uint16(257)),
    Change("padded", "Black border of an eighth on each side", _padded),
    Change("letterboxed", "Black bars left and right, to 4:3", _letterboxed),
    Change("cropped", "A twentieth cut off each side", _cropped),
    Change("brighter", "Brighter by 25 of 255", _linear(1.0, _GREY_LEVELS)),
    Change("darker", "Darker by 25 of 255", _linear(1.0, -_GREY_LEVELS)),
    Change("contrast_high", "Contrast times 1.25", _linear(1.25, 0.0)),
    Change("contrast_low", "Contrast times 0.8", _linear(0.8, 0.0)),
)
