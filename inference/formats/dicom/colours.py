"""Colour frames: palettes, and three samples a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.processing import apply_color_lut

from inference.formats.base import Notice
from inference.formats.dicom.greys import Stored
from inference.formats.dicom.header import Header
from inference.formats.pixels import PALETTE_EXPANDED, colour_unsupported, depth_reduced

# The colour spaces that pydicom hands out as RGB.
_AS_RGB = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"})


def expanded(header: Header, frame: Stored, notices: list[Notice]) -> NDArray[np.uint8]:
    """A frame of indices as uint8 (H, W, 3), by the table of the file (PS3.3, C.7.6.3.1.5)."""
    notices.append(PALETTE_EXPANDED)
    colours = apply_color_lut(frame.values, header.dataset)[..., :3]
    if colours.dtype == np.uint8:
        return colours.astype(np.uint8)
    # Tables of 16 bits hold 8-bit colours in either byte.
    return np.asarray(colours if colours.max() < 256 else colours >> 8, np.uint8)


def colours(header: Header, raw: NDArray[Any], space: str, notices: list[Notice]) -> NDArray[np.uint8]:
    """raw: (H, W, 3). space: what it is in once pydicom has read it."""
    if space not in _AS_RGB or raw.shape[-1] != 3 or raw.dtype.kind != "u":
        raise colour_unsupported(space if space.replace("_", "").isalnum() else "of another kind")
    allocated = raw.dtype.itemsize * 8
    bits = int(header.number("BitsStored") or allocated)
    if bits > 8:
        notices.append(depth_reduced(bits))
        return np.asarray(raw >> (bits - 8), np.uint8)
    return raw.astype(np.uint8)
