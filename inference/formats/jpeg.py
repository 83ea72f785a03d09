"""JPEG (ISO/IEC 10918). Files of several pictures (MPO) are refused."""

from __future__ import annotations

import re

from inference.errors import ImageError
from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import decode_with_pillow

# Encoders write about ten, those that search for the smallest file some dozens. Each is decoded over the
# whole picture: a file of half a megabyte may hold twenty thousand, which take minutes.
MAX_SCANS = 100
_START_OF_SCAN = 0xDA
# Inside a scan 0xFF is followed by 0 or by the number of a restart; anything else is the next marker (B.1.1).
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})  # markers without a length


def _matches(head: bytes) -> bool:
    return head.startswith(b"\xff\xd8\xff")


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    check_scans(data)
    return decode_with_pillow(data, limits, format_id="jpeg", label="JPEG")


def check_scans(data: bytes) -> None:
    """Raise image_too_slow where one picture is cut into more scans than any encoder writes."""
    scans, at = 0, 0
    while found := _NEXT_MARKER.search(data, at):
        marker, at = data[found.end() - 1], found.end()
        if marker in _ALONE:
            continue
        if marker == _START_OF_SCAN:
            scans += 1
        if scans > MAX_SCANS:
            raise ImageError(
                "image_too_slow",
                "The picture is cut into more scans than it may have. Please export it again, as a baseline "
                "JPEG or as PNG. At most %(most)s scans are read.",
                most=MAX_SCANS,
            )
        at += int.from_bytes(data[at : at + 2], "big")


FORMAT = ImageFormat("jpeg", "JPEG", _matches, _decode)
