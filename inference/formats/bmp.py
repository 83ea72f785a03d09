"""Windows bitmap."""

from __future__ import annotations

import struct

from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import decode_with_pillow

# Sizes of the known information headers. Two letters alone would make any text that begins with "BM" a
# picture.
_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})


def _matches(head: bytes) -> bool:
    return (
        head.startswith(b"BM") and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _HEADER_SIZES
    )


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    return decode_with_pillow(data, limits, format_id="bmp", label="BMP")


FORMAT = ImageFormat("bmp", "BMP", (".bmp",), ("image/bmp", "image/x-ms-bmp"), _matches, _decode)
