"""What is stored of an upload: its pixels, losslessly, and nothing else.

De-identification is by construction. The canonical PNG is written from the decoded array, so that no EXIF,
GPS position, text, colour profile, thumbnail or comment of the upload can survive. What is burned into the
picture itself stays.
"""

from __future__ import annotations

import io
import sys

from PIL import Image

from inference.formats import png
from inference.formats.base import DecodedImage, Limits, Pixels


def encode_canonical(image: DecodedImage) -> bytes:
    """Return a lossless PNG of 8 or 16 bits grey, or 8 bits RGB, with the chunks IHDR, IDAT and IEND only."""
    buffer = io.BytesIO()
    Image.fromarray(image.pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def decode_canonical(data: bytes) -> Pixels:
    """Return the pixels that `encode_canonical` was given: uint8 or uint16 (H, W), or uint8 (H, W, 3).

    The limits were judged on upload. Raises ImageError where the stored bytes are damaged.
    """
    return png.FORMAT.decode(data, Limits(max_bytes=sys.maxsize, max_pixels=sys.maxsize, min_side=1)).pixels
