"""What is stored of an upload: its pixels, losslessly, and nothing else.

De-identification is by construction. The canonical PNG is written from the decoded array, so that no EXIF,
GPS position, text, colour profile, thumbnail or comment of the upload can survive. What is burned into the
picture itself stays.

Reading back trusts what was written here. `inference.formats` guards against strangers, one file at a time
in a process; a stored picture was judged on upload, so that threads read theirs side by side.
"""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from inference.errors import ImageError
from inference.formats.base import DecodedImage, Pixels

# The modes in which Pillow opens what `encode_canonical` writes.
_MODES = frozenset({"L", "I;16", "RGB"})
# Of grey pictures: about as small as in Pillow's own way, in a fifth of its time, most of an upload's.
# Colours stand three bytes apart, where runs find nothing.
_GREY = {"compress_level": 1, "compress_type": zlib.Z_RLE}
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEAD, _CHECKSUM = struct.Struct(">I4s"), struct.Struct(">I")


def encode_canonical(image: DecodedImage) -> bytes:
    """Return a lossless PNG of 8 or 16 bits grey, or 8 bits RGB, with the chunks IHDR, IDAT and IEND only."""
    return encode_pixels(image.pixels)


def encode_pixels(pixels: Pixels) -> bytes:
    """The same of the pixels alone: uint8 or uint16 (H, W), or uint8 (H, W, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG", **_GREY if pixels.ndim == 2 else {})
    return buffer.getvalue()


def decode_canonical(data: bytes) -> Pixels:
    """Return the pixels that `encode_canonical` was given: uint8 or uint16 (H, W), or uint8 (H, W, 3), not to
    be written to.

    Raises ImageError stored_damaged where these are not the bytes that were stored.
    """
    verify_canonical(data)
    try:
        # Image.open would look for the format, and warn of a size that the upload's limits allowed.
        with PngImageFile(io.BytesIO(data)) as picture:
            if picture.mode in _MODES:
                return np.asarray(picture)
    except (SyntaxError, OSError) as error:
        raise _damaged() from error
    raise _damaged()


def verify_canonical(data: bytes) -> None:
    """Raise ImageError stored_damaged unless the bytes are a PNG whose checksums are all right.

    Pillow skips the checksum of the pixels and stops reading with the last row, so that a changed byte would
    be seen as a picture that nobody uploaded.
    """
    if not _is_whole(data):
        raise _damaged()


def _is_whole(data: bytes) -> bool:
    """Whether the signature is there, and chunk after chunk with its CRC-32 (PNG, section 5) to the end."""
    at, kind, view = len(_SIGNATURE), b"", memoryview(data)
    if not data.startswith(_SIGNATURE):
        return False
    while kind != b"IEND":
        if at + 12 > len(data):
            return False
        length, kind = _CHUNK_HEAD.unpack_from(data, at)
        end = at + 8 + length
        if end + 4 > len(data) or _CHECKSUM.unpack_from(data, end) != (zlib.crc32(view[at + 4 : end]),):
            return False
        at = end + 4
    return at == len(data)


def _damaged() -> ImageError:
    return ImageError("stored_damaged", "The stored image is damaged. Ask your administrator to restore it.")
