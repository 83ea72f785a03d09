"""Synthetic pictures and their files, made in the test that needs them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def slice_like(height: int = 80, width: int = 64, top: int = 255, seed: int = 0) -> NDArray[np.uint16]:
    """uint16 (H, W): a bright disc with texture on a dark ground, 0 to `top`, not symmetric."""
    rows, columns = np.mgrid[0:height, 0:width]
    disc = np.hypot((rows - height * 0.5) / height, (columns - width * 0.45) / width) < 0.38
    noise = np.random.default_rng(seed).uniform(0.4, 0.8, (height, width))
    lesion = np.hypot(rows - height * 0.3, columns - width * 0.3) < height * 0.08
    return np.rint(np.where(lesion, 1.0, disc * noise) * top).astype(np.uint16)


def grey8(height: int = 80, width: int = 64) -> NDArray[np.uint8]:
    return slice_like(height, width).astype(np.uint8)


def saved(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=file_format, **options)
    return buffer.getvalue()


def png_of(pixels: NDArray[np.generic]) -> bytes:
    return saved(Image.fromarray(pixels), "PNG")


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims these dimensions and carries one short, valid compressed row."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * (width + 1))
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def png_chunks(data: bytes) -> list[bytes]:
    """The chunk types of a PNG, in order."""
    names, offset = [], 8
    while offset < len(data):
        length = int.from_bytes(data[offset : offset + 4], "big")
        names.append(data[offset + 4 : offset + 8])
        offset += 12 + length
    return names


def twelve_bit_tiff(values: NDArray[np.uint16]) -> bytes:
    """An uncompressed little-endian TIFF of 12 bits a sample; the width must be even."""
    flat = values.astype(np.uint32).reshape(-1, 2)
    packed = np.stack([flat[:, 0] >> 4, (flat[:, 0] & 15) << 4 | flat[:, 1] >> 8, flat[:, 1] & 255], axis=1)
    return tiff_of(packed.astype(np.uint8).tobytes(), values.shape, {258: (3, 12)})


def tiff_of(strip: bytes, shape: tuple[int, ...], tags: Mapping[int, tuple[int, int]]) -> bytes:
    """A minimal little-endian TIFF of one grey strip. tags: number to (type, value), over the usual ones."""
    entries = {
        256: (4, shape[1]),
        257: (4, shape[0]),
        258: (3, 16),
        259: (3, 1),
        262: (3, 1),
        273: (4, 8),
        277: (3, 1),
        278: (4, shape[0]),
        279: (4, len(strip)),
        **tags,
    }
    strip += b"\0" * (len(strip) % 2)
    directory = struct.pack("<H", len(entries))
    for tag, (kind, value) in sorted(entries.items()):
        directory += struct.pack("<HHII", tag, kind, 1, value)
    return b"II*\0" + struct.pack("<I", 8 + len(strip)) + strip + directory + struct.pack("<I", 0)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def head(seed: int = 0, side: int = 200):
    """uint8 (side, side): a bright oval full of random structures, on black."""
    coarse = np.random.default_rng(seed).uniform(60, 255, (14, 14)).astype(np.uint8)
    inside = np.asarray(Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC))
    rows, columns = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.where((rows / 0.8) ** 2 + (columns / 0.65) ** 2 < 1, inside, 0).astype(np.uint8)
