"""PNG (ISO/IEC 15948). Animated PNGs are refused."""

from __future__ import annotations

from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import decode_with_pillow

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BIT_DEPTH_OFFSET = 24  # signature 8, chunk length and type 8, IHDR width and height 8


def _matches(head: bytes) -> bool:
    return head.startswith(_SIGNATURE)


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    bits = data[_BIT_DEPTH_OFFSET] if len(data) > _BIT_DEPTH_OFFSET else 8
    return decode_with_pillow(data, limits, format_id="png", label="PNG", bits=bits)


FORMAT = ImageFormat("png", "PNG", (".png",), ("image/png",), _matches, _decode)
