"""PNG (ISO/IEC 15948). Animated PNGs are refused."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from inference.formats.base import DecodedImage, ImageFormat, Limits
from inference.formats.pillow import decode_with_pillow
from inference.formats.pixels import DEEP_ALPHA

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEPTH, _COLOUR = 24, 25  # offsets: signature 8, chunk length and type 8, IHDR width and height 8
_GREY, _RGB, _GREY_WITH_ALPHA = 0, 2, 4
_HEADER = struct.Struct(">IIBBBBB")
_SAMPLES = {_RGB: 3, _GREY_WITH_ALPHA: 2, 6: 4}
# Of an interlaced picture: the first column and row of each pass, and the steps to the next (section 8.2).
_PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
_PIECE = 2**20
_CHUNK = struct.Struct(">I4s")
# Words and colour profiles are thrown away; Pillow refuses the whole file where one is large.
_PROFILE, _TEXTS = b"iCCP", frozenset({b"tEXt", b"zTXt", b"iTXt"})
# But those that some programs write the orientation into.
_ORIENTATION_TEXTS = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0", b"Raw profile type APP1\0")
_MOST_TEXT = 2**16


def _matches(head: bytes) -> bool:
    return head.startswith(_SIGNATURE)


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    depth, colour = (data[_DEPTH], data[_COLOUR]) if len(data) > _COLOUR else (8, _GREY)
    kept, transparent = _without_words(data)

    def prepare(image: Image.Image) -> Image.Image:
        """Make the transparent value (ISO/IEC 15948, section 11.3.2.1) one that Pillow compares with what it
        has decoded: spread or cut to 8 bits, where the file says it in its own depth.
        """
        if not _has_every_row(kept):
            raise ValueError("rows are missing")
        if colour == _GREY and depth <= 8 and len(transparent) == 2:
            return _transparent_at_depth(image, depth, transparent)
        if colour == _RGB and depth == 16 and len(transparent) == 6:
            return _transparent_deep_colour(kept)
        if colour == _GREY_WITH_ALPHA and depth == 16:
            return _deep_grey_with_alpha(kept)
        return image

    return decode_with_pillow(kept, limits, format_id="png", label="PNG", bits=depth, prepare=prepare)


def _without_words(data: bytes) -> tuple[bytes, bytes]:
    """The file without what is thrown away, and the content of its tRNS chunk, empty where it has none."""
    parts, transparent = [_SIGNATURE], b""
    for kind, chunk in _chunks(data):
        if kind == b"tRNS":
            transparent = chunk[8:-4]
        if kind == _PROFILE or (kind in _TEXTS and not _may_tell_the_orientation(kind, chunk)):
            continue
        parts.append(chunk)
    return b"".join(parts), transparent


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each chunk's type, and the chunk with its length and checksum; what is cut off comes as it is."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        length, kind = _CHUNK.unpack_from(data, at)
        yield kind, data[at : at + 12 + length]
        at += 12 + length
    if at < len(data):
        yield b"", data[at:]


def _has_every_row(data: bytes) -> bool:
    """Whether the packed rows are as many as the header says. Where they end too soon, but as they should,
    Pillow leaves the rest black, and says so to nobody.
    """
    width, height, depth, colour, _, _, is_interlaced = _HEADER.unpack_from(data, 16)
    bits = depth * _SAMPLES.get(colour, 1)
    left: int = sum(
        -(-(height - top) // down) * (1 + -(-(-(-(width - first) // right) * bits) // 8))
        for first, top, right, down in (_PASSES if is_interlaced else ((0, 0, 1, 1),))
        if width > first and height > top
    )
    unpacker = zlib.decompressobj()
    for kind, chunk in _chunks(data):
        packed = chunk[8:-4] if kind == b"IDAT" else b""
        while packed and left > 0:
            left -= len(unpacker.decompress(packed, _PIECE))
            packed = unpacker.unconsumed_tail
    return left <= 0


def _may_tell_the_orientation(kind: bytes, chunk: bytes) -> bool:
    content = chunk[8:-4]
    if not content.startswith(_ORIENTATION_TEXTS) or len(content) > _MOST_TEXT:
        return False
    is_packed = kind == b"zTXt" or (kind == b"iTXt" and content.partition(b"\0")[2][:1] == b"\1")
    return not is_packed or _unpacks_to_little(content)


def _unpacks_to_little(content: bytes) -> bool:
    """Whether the packed text, the last field of the chunk, is within bounds; its start is found by trying
    the few places where zlib's first byte stands.
    """
    at = content.find(b"\x78")
    while at >= 0:
        unpacker = zlib.decompressobj()
        try:
            unpacker.decompress(content[at:], _MOST_TEXT)
        except zlib.error:
            at = content.find(b"\x78", at + 1)
            continue
        return not unpacker.unconsumed_tail
    return False


def _transparent_at_depth(image: Image.Image, depth: int, transparent: bytes) -> Image.Image:
    """Grey of fewer bits than 8: of the number in the file, which is of 16 bits, the lower ones count."""
    most = 2**depth - 1
    image.info["transparency"] = (int.from_bytes(transparent, "big") & most) * 255 // most
    return image


def _transparent_deep_colour(data: bytes) -> Image.Image:
    """The colours cut to 8 bits, and those transparent whose 16 bits are the ones in the file; Pillow keeps
    only 8 of them.
    """
    import imagecodecs  # of the few files of this kind alone

    rgba = imagecodecs.png_decode(data)
    return Image.fromarray((rgba >> 8).astype(np.uint8), "RGBA")


def _deep_grey_with_alpha(data: bytes) -> Image.Image:
    """Grey and alpha of 16 bits, of which Pillow keeps 8: each in two of four bytes, for `pixels_of`."""
    import imagecodecs  # of the few files of this kind alone

    samples = imagecodecs.png_decode(data).astype("<u2")
    image = Image.fromarray(samples.view(np.uint8).reshape(*samples.shape[:2], 4), "RGBA")
    image.info[DEEP_ALPHA] = True
    return image


FORMAT = ImageFormat("png", "PNG", _matches, _decode)
