"""JPEG (ISO/IEC 10918). Files of several pictures (MPO) are refused."""

from __future__ import annotations

from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import decode_with_pillow


def _matches(head: bytes) -> bool:
    return head.startswith(b"\xff\xd8\xff")


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    return decode_with_pillow(data, limits, format_id="jpeg", label="JPEG")


FORMAT = ImageFormat("jpeg", "JPEG", (".jpg", ".jpeg"), ("image/jpeg",), _matches, _decode)
