"""TIFF 6.0 and BigTIFF with one page."""

from __future__ import annotations

from typing import cast

from PIL import Image
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, TiffImageFile

from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import Source, decode_with_pillow

_SIGNATURES = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def _matches(head: bytes) -> bool:
    return head.startswith(_SIGNATURES)


def _describe(image: Image.Image) -> Source:
    """Pillow leaves deep grey values as stored; white-is-zero (photometric 0) has to be told onwards."""
    tags = cast(TiffImageFile, image).tag_v2
    return Source(
        bits=max(tags.get(BITSPERSAMPLE, (1,))),
        white_is_zero=tags.get(PHOTOMETRIC_INTERPRETATION, 0) == 0,
    )


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    return decode_with_pillow(data, limits, format_id="tiff", label="TIFF", describe=_describe)


FORMAT = ImageFormat("tiff", "TIFF", (".tif", ".tiff"), ("image/tiff",), _matches, _decode)
