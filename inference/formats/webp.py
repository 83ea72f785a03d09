"""WebP (RFC 9649). Animations are refused."""

from __future__ import annotations

from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import check_size, decode_with_pillow


def _matches(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    """Judge the size before Pillow sees the file: its WebP decoder allocates the canvas on opening."""
    size = _canvas_size(data)
    if size is not None:
        check_size(*size, limits)
    return decode_with_pillow(data, limits, format_id="webp", label="WEBP")


def _canvas_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the first chunk tells them (RFC 9649, sections 2.5 to 2.7), or None where it is
    damaged.
    """
    chunk, head = data[12:16], data[:30]
    if chunk == b"VP8X" and len(head) == 30:
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if chunk == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and len(head) == 30:
        return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF
    return None


FORMAT = ImageFormat("webp", "WebP", _matches, _decode)
