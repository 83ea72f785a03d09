"""JPEG (ISO/IEC 10918). Files of several pictures (MPO) are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inference.errors import ImageError
from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import decode_with_pillow
from inference.formats.pixels import not_shown_exactly

# Encoders write about ten, those that search for the smallest file some dozens. Each is decoded over the
# whole picture: a file of half a megabyte may hold twenty thousand, which take minutes.
MAX_SCANS = 100
_START_OF_SCAN = 0xDA
# Inside a scan 0xFF is followed by 0 or by the number of a restart; anything else is the next marker (B.1.1).
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
# Frame headers (B.1.1.3): of lossless and hierarchical pictures and JPEG-LS, and of those of 8 or 12 bits.
_LOSSLESS = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7})
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_ALONE = frozenset({0x01, 0xD8, *range(0xD0, 0xD8)})  # markers without a length


def _matches(head: bytes) -> bool:
    return head.startswith(b"\xff\xd8\xff")


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    check_scans(data)
    _check_frame(data)
    return decode_with_pillow(data, limits, format_id="jpeg", label="JPEG")


def check_scans(data: bytes) -> None:
    """Raise image_too_slow where one picture is cut into more scans than any encoder writes."""
    scans = 0
    for marker, _segment in _segments(data):
        scans += marker == _START_OF_SCAN
        if scans > MAX_SCANS:
            raise ImageError(
                "image_too_slow",
                "The picture is cut into more scans than it may have. Please export it again, as a baseline "
                "JPEG or as PNG. At most %(most)s scans are read.",
                most=MAX_SCANS,
            )


def _check_frame(data: bytes) -> None:
    """Raise colour_unsupported where the picture is of a kind, or a depth, that no decoder of ours shows."""
    for marker, segment in _segments(data):
        if marker in _LOSSLESS:
            raise not_shown_exactly(f"JPEG of kind {marker:X}")
        if marker in _FRAMES:
            depth = data[segment + 2] if segment + 2 < len(data) else 8
            if depth != 8:
                raise not_shown_exactly(f"JPEG, {depth} bits")
            return


def _segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Each marker that a length follows, and where that stands."""
    at = 0
    while found := _NEXT_MARKER.search(data, at):
        marker, at = data[found.end() - 1], found.end()
        if marker not in _ALONE:
            yield marker, at
            at += int.from_bytes(data[at : at + 2], "big")


FORMAT = ImageFormat("jpeg", "JPEG", _matches, _decode)
