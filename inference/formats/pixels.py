"""From any Pillow mode to the three kinds of pixels that the rest of the package knows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.errors import ImageError
from inference.formats import deep
from inference.formats.base import Notice, Pixels, row_blocks

# Marks a picture whose four bytes a pixel are 16 bits of grey and 16 of alpha, a kind that Pillow lacks.
DEEP_ALPHA = "deep alpha"
_ALPHA_MODES = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})
_OPAQUE_MODES = frozenset({"L", "1", "RGB", "RGBX", "YCbCr", "P", "CMYK"})


def pixels_of(image: Image.Image, bits: int, notices: list[Notice]) -> Pixels:
    """Return uint8 (H, W), uint16 (H, W) or uint8 (H, W, 3); what was changed is appended to `notices`.

    bits: a sample's depth in the file. Raises ImageError colour_unsupported.
    """
    if DEEP_ALPHA in image.info:
        grey, alpha = np.moveaxis(np.array(image).view("<u2"), -1, 0)
        return over_black(deep.integers(grey, notices), alpha, notices)
    if image.mode.startswith("I;16"):
        return _deep_grey(np.array(image).astype(np.uint16), image.info.get("transparency"), notices)
    if image.mode == "I":
        return deep.integers(np.asarray(image), notices)
    if bits > 8:
        notices.append(depth_reduced(bits))
    if image.mode in _ALPHA_MODES or (image.mode in _OPAQUE_MODES and "transparency" in image.info):
        rgba = np.asarray(image if image.mode == "RGBA" else image.convert("RGBA"))
        return over_black(rgba[..., :3], rgba[..., 3], notices)
    return _opaque(image, notices)


def colour_unsupported(mode: str) -> ImageError:
    """What is said of colours that cannot be made grey or RGB."""
    return ImageError(
        "colour_unsupported",
        "The file stores its colours in a way that is not supported. Please export it as grey or RGB. "
        "Received colour mode %(mode)s.",
        mode=mode,
    )


def not_shown_exactly(received: str) -> ImageError:
    """What is said of a file whose header tells of something that would be shown wrong."""
    return ImageError(
        "colour_unsupported",
        "The file stores its picture in a way that cannot be shown exactly. "
        "Please export it as grey or RGB with 8 or 16 bits. Received %(received)s.",
        received=received,
    )


def depth_reduced(bits: int) -> Notice:
    """What is said of colours of more than 8 bits."""
    return Notice("depth_reduced", f"The colour picture was reduced from {bits} to 8 bits a channel.")


PALETTE_EXPANDED = Notice(
    "palette_expanded", "The picture was stored with a colour table, which was expanded."
)


def over_black(colours: NDArray[Any], alpha: NDArray[Any], notices: list[Notice]) -> Pixels:
    """Lay the picture over black, the background of MR images.

    colours: uint8 or uint16 (H, W) or (H, W, 3); alpha: of the same type, (H, W), its greatest value opaque.
    An alpha channel that is zero everywhere shows nothing and is taken as unused, as some converters write
    it.
    """
    notices.append(
        Notice("alpha_removed", "Transparency was removed; transparent parts of the picture are shown black.")
    )
    if not alpha.any():
        return colours.copy()
    most = int(np.iinfo(alpha.dtype).max)
    wide: type[np.unsignedinteger[Any]] = (
        np.uint16 if most == 255 else np.uint32
    )  # each holds the square of its most, and its half
    blended = np.empty_like(colours)
    for rows in row_blocks(*alpha.shape):
        part = colours[rows]
        cover = alpha[rows].reshape(alpha[rows].shape + (1,) * (part.ndim - 2)).astype(wide)
        blended[rows] = (part * cover + most // 2) // most
    return blended


def without_equal_channels(pixels: Pixels) -> Pixels:
    """Grey saved as colour is grey: the same values in a third of the space, no mode to learn from."""
    if pixels.ndim == 3 and all(
        (pixels[rows] == pixels[rows, :, :1]).all() for rows in row_blocks(*pixels.shape[:2])
    ):
        return pixels[..., 0].copy()
    return pixels


def _opaque(image: Image.Image, notices: list[Notice]) -> Pixels:
    if image.mode not in _OPAQUE_MODES:
        raise colour_unsupported(image.mode)
    if image.mode == "CMYK":
        notices.append(
            Notice(
                "cmyk_converted", "The picture was stored in print colours (CMYK) and was converted to RGB."
            )
        )
    if image.mode == "P":
        notices.append(PALETTE_EXPANDED)
    mode = "L" if image.mode in ("1", "L") else "RGB"
    # Converting to its own mode would be a copy.
    return np.array(image if image.mode == mode else image.convert(mode))


def _deep_grey(values: NDArray[np.uint16], transparent: int | None, notices: list[Notice]) -> Pixels:
    if transparent is None:
        return deep.integers(values, notices)
    alpha = np.where(values == transparent, np.uint16(0), np.uint16(65535))
    if alpha.any():  # what is not seen says nothing of the range
        values = np.where(alpha == 0, values[alpha > 0].min(), values)
    return over_black(deep.integers(values, notices), alpha, notices)
