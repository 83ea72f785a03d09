"""From any Pillow mode to the three kinds of pixels that the rest of the package knows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.errors import ImageError
from inference.formats.base import Notice, Pixels, row_blocks

_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_OPAQUE_MODES = frozenset({"L", "1", "RGB", "RGBX", "YCbCr", "P", "CMYK"})


def pixels_of(image: Image.Image, bits: int, white_is_zero: bool, notices: list[Notice]) -> Pixels:
    """Return uint8 (H, W), uint16 (H, W) or uint8 (H, W, 3); what was changed is appended to `notices`.

    bits: a sample's depth in the file. white_is_zero: deep grey values run from white to black and are turned
    round (Pillow does so itself for 8 bits and below). Raises ImageError colour_unsupported.
    """
    if image.mode.startswith("I;16"):
        return _deep_grey(image, white_is_zero)
    if image.mode == "I":
        return _integers(np.asarray(image), notices)
    if image.mode == "F":
        values = np.asarray(image)
        return _floats(-values if white_is_zero else values, notices)
    if bits > 8:
        notices.append(
            Notice("depth_reduced", f"The colour picture was reduced from {bits} to 8 bits a channel.")
        )
    if image.mode in _ALPHA_MODES or (image.mode in _OPAQUE_MODES and "transparency" in image.info):
        return _without_alpha(image, notices)
    return _opaque(image, notices)


def _opaque(image: Image.Image, notices: list[Notice]) -> Pixels:
    if image.mode not in _OPAQUE_MODES:
        raise ImageError(
            "colour_unsupported",
            "The file stores its colours in a way that is not supported. Please export it as grey or RGB. "
            "Received colour mode %(mode)s.",
            mode=image.mode,
        )
    if image.mode == "CMYK":
        notices.append(
            Notice(
                "cmyk_converted", "The picture was stored in print colours (CMYK) and was converted to RGB."
            )
        )
    if image.mode == "P":
        notices.append(
            Notice("palette_expanded", "The picture was stored with a colour table, which was expanded.")
        )
    return np.array(image.convert("L" if image.mode in ("1", "L") else "RGB"))


def _without_alpha(image: Image.Image, notices: list[Notice]) -> Pixels:
    """Lay the picture over black, the background of MR images.

    An alpha channel that is zero everywhere shows nothing and is taken as unused, as some converters write
    it.
    """
    rgba = np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
    notices.append(
        Notice("alpha_removed", "Transparency was removed; transparent parts of the picture are shown black.")
    )
    if not rgba[..., 3].any():
        return np.array(rgba[..., :3])
    blended = np.empty((*rgba.shape[:2], 3), np.uint8)
    for rows in row_blocks(*rgba.shape[:2]):
        part = rgba[rows]
        blended[rows] = (part[..., :3] * part[..., 3:].astype(np.uint16) + 127) // 255
    return blended


def _deep_grey(image: Image.Image, white_is_zero: bool) -> NDArray[np.uint16]:
    values = np.array(image).astype(np.uint16)
    return np.uint16(65535) - values if white_is_zero else values


def _integers(values: NDArray[np.int32], notices: list[Notice]) -> NDArray[np.uint16]:
    """Signed and 32-bit integers: kept as they are where 16 bits hold them, moved up where there are negative
    ones.
    """
    lowest, highest = int(values.min()), int(values.max())
    if highest - min(lowest, 0) > 65535:
        raise ImageError(
            "colour_unsupported",
            "The file stores values that 16 bits cannot hold. Please export it with 8 or 16 bits. "
            "Received values from %(lowest)s to %(highest)s.",
            lowest=str(lowest),
            highest=str(highest),
        )
    if lowest < 0:
        notices.append(
            Notice("values_shifted", f"The file has negative values; all values were raised by {-lowest}.")
        )
    return (values - min(lowest, 0)).astype(np.uint16)


def _floats(values: NDArray[np.float32], notices: list[Notice]) -> NDArray[np.uint16]:
    """Floating-point values, stretched linearly over 16 bits from the least to the greatest."""
    if not np.isfinite(values).all():
        raise ImageError(
            "colour_unsupported",
            "The file stores floating-point values of which some are not numbers. "
            "Please export it with 8 or 16 bits. Received infinite or undefined values.",
        )
    lowest, highest = float(values.min()), float(values.max())
    notices.append(
        Notice("floats_scaled", "The file stores floating-point values; they were scaled to 16 bits.")
    )
    if highest <= lowest:
        return np.zeros(values.shape, np.uint16)
    scaled = np.empty(values.shape, np.uint16)
    for rows in row_blocks(*values.shape[:2]):
        share = (values[rows].astype(np.float64) - lowest) / (highest - lowest)
        scaled[rows] = np.rint(share * 65535)
    return scaled
