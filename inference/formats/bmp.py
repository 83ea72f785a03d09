"""Windows and OS/2 bitmaps.

Read here and not by Pillow, which takes a colour table of black and white, or of the first greys, for another
depth than the file has, and shows such a picture garbled; Pillow only undoes the run lengths. What is not
surely shown as it is meant is refused by what the header says.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.formats.base import DecodedImage, ImageFormat, Limits, Notice, row_blocks
from inference.formats.pillow import check_size, every_failure_is_an_image_error
from inference.formats.pixels import (
    PALETTE_EXPANDED,
    depth_reduced,
    not_shown_exactly,
    over_black,
    without_equal_channels,
)

# Sizes of the known information headers. Two letters alone would make any text that begins with "BM" a
# picture.
_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_FILE_HEADER = 14
_OS2, _OS2_SHORT, _OS2_LONG, _INFO, _WITH_MASKS = 12, 16, 64, 40, 52
_PLAIN, _RLE8, _RLE4, _MASKS, _ALPHA_MASKS = 0, 1, 2, 3, 6
_DEPTHS = {
    _PLAIN: (1, 2, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _MASKS: (16, 32),
    _ALPHA_MASKS: (16, 32),
}
# Red, green and blue where the file names no masks.
_USUAL_MASKS = {16: (0x7C00, 0x3E0, 0x1F), 32: (0xFF0000, 0xFF00, 0xFF)}


@dataclass(frozen=True)
class _Header:
    """What tells how the pixels are stored. used: colours that the table has, 0 for all of the depth.
    masks: of red, green, blue and, where it counts, alpha.
    """

    size: int
    offset: int
    width: int
    height: int
    is_top_down: bool
    bits: int
    compression: int = _PLAIN
    used: int = 0
    masks: tuple[int, ...] = ()

    @property
    def stride(self) -> int:
        """Bytes of a row, which ends on a multiple of four."""
        return (self.width * self.bits + 31) // 32 * 4


def _matches(head: bytes) -> bool:
    return (
        head.startswith(b"BM") and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _HEADER_SIZES
    )


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    notices: list[Notice] = []
    with every_failure_is_an_image_error("BMP", notices):
        header = _header_of(data)
        check_size(header.width, header.height, limits)
        _check(header)
        if header.bits <= 8:
            pixels = _of_table(data, header, notices)
        elif header.bits == 24:
            pixels = _rows(data, header)[:, : header.width * 3].reshape(header.height, header.width, 3)[
                ..., ::-1
            ]
        else:
            pixels = _of_masks(data, header, notices)
    return DecodedImage(without_equal_channels(np.ascontiguousarray(pixels)), "bmp", tuple(notices))


def _header_of(data: bytes) -> _Header:
    offset, size = struct.unpack_from("<II", data, 10)
    if size == _OS2:
        width, height, _planes, bits = struct.unpack_from("<4H", data, 18)
        return _Header(size, offset, width, height, False, bits)
    width, height, _planes, bits = struct.unpack_from("<iiHH", data, 18)
    if size == _OS2_SHORT:
        return _Header(size, offset, width, abs(height), height < 0, bits)
    compression, used = struct.unpack_from("<I", data, 30)[0], struct.unpack_from("<I", data, 46)[0]
    masks = _USUAL_MASKS.get(bits, ())
    if compression in (_MASKS, _ALPHA_MASKS):
        # In the header, or behind one that has no place for them; alpha in those of 56 bytes and more.
        has_alpha = compression == _ALPHA_MASKS or size > _WITH_MASKS
        masks = struct.unpack_from("<4I" if has_alpha else "<3I", data, 54)
        masks = masks if any(masks[3:]) else masks[:3]
    return _Header(size, offset, width, abs(height), height < 0, bits, compression, used, masks)


def _check(header: _Header) -> None:
    """Raise colour_unsupported for what is not surely shown as it is meant."""
    is_run_length = header.compression in (_RLE8, _RLE4)
    # In OS/2's long header the numbers from 3 on mean other compressions.
    if header.bits not in _DEPTHS.get(header.compression, ()) or (
        header.size == _OS2_LONG and header.compression > _RLE4
    ):
        raise not_shown_exactly(f"compression {header.compression}, {header.bits} bits")
    if is_run_length and header.is_top_down:
        raise not_shown_exactly(f"compression {header.compression} from the top down")
    if header.bits in _USUAL_MASKS and not _are_apart(header.masks):
        raise not_shown_exactly(f"masks {', '.join(f'{mask:x}' for mask in header.masks)}")


def _are_apart(masks: tuple[int, ...]) -> bool:
    """Whether each mask is one run of bits, and none shares a bit with another."""
    runs = [mask // (mask & -mask) if mask else 0 for mask in masks]
    each_is_one = all(run and run & (run + 1) == 0 for run in runs)
    return each_is_one and sum(masks) == int(np.bitwise_or.reduce(masks))


def _rows(data: bytes, header: _Header) -> NDArray[np.uint8]:
    """uint8 (H, stride), the top row first. Raises ValueError where rows are missing."""
    start, size = _start(header), header.stride * header.height
    stored = data[start : start + size]
    filling = header.stride - (header.width * header.bits + 7) // 8
    if len(stored) < size - filling:  # that of the last row may be left out
        raise ValueError("rows are missing")
    rows = np.frombuffer(stored.ljust(size, b"\0"), np.uint8).reshape(header.height, header.stride)
    return rows if header.is_top_down else rows[::-1]


def _behind_header(header: _Header) -> int:
    """Where the colour table begins, or the pixels where there is none."""
    behind = {_MASKS: 12, _ALPHA_MASKS: 16}.get(header.compression, 0) if header.size == _INFO else 0
    return _FILE_HEADER + header.size + behind


def _entry(header: _Header) -> int:
    """Bytes of an entry of the colour table."""
    return 3 if header.size == _OS2 else 4


def _start(header: _Header) -> int:
    """Where the pixels begin; some programs leave the colour table out of that number, or the number out."""
    behind = _behind_header(header)
    if header.offset > behind or (header.offset == behind and header.bits > 8):
        return header.offset
    return behind + (_entry(header) * (header.used or 2**header.bits) if header.bits <= 8 else 0)


def _of_table(data: bytes, header: _Header, notices: list[Notice]) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of pixels that are numbers of colours."""
    first, each = _behind_header(header), _entry(header)
    count = min(header.used or 2**header.bits, 2**header.bits, (_start(header) - first) // each)
    entries = np.frombuffer(data, np.uint8, count * each, first).reshape(count, each)
    table = np.ascontiguousarray(entries[:, 2::-1])
    numbers = _run_lengths(data, header) if header.compression else _numbers(_rows(data, header), header)
    if count <= int(numbers.max()):
        raise not_shown_exactly(f"{count} colours, and pixels of others")
    most = 2**header.bits - 1
    if not (table == (np.arange(count) * 255 // most)[:, None]).all():
        notices.append(PALETTE_EXPANDED)
    return table[numbers]


def _numbers(rows: NDArray[np.uint8], header: _Header) -> NDArray[np.uint8]:
    """uint8 (H, W): of several in a byte the first is in its highest bits."""
    if header.bits == 8:
        return rows[:, : header.width]
    numbers = np.empty((header.height, header.width), np.uint8)
    shifts = np.arange(8 - header.bits, -1, -header.bits, dtype=np.uint8)
    for part in row_blocks(header.height, header.width):
        spread = (rows[part, :, None] >> shifts) & (2**header.bits - 1)
        numbers[part] = spread.reshape(len(spread), -1)[:, : header.width]
    return numbers


def _run_lengths(data: bytes, header: _Header) -> NDArray[np.uint8]:
    """uint8 (H, W), by Pillow, which is given a table that it takes for nothing but a table."""
    stored = data[_start(header) :]
    fields = (
        _INFO,
        header.width,
        header.height,
        1,
        header.bits,
        header.compression,
        len(stored),
        0,
        0,
        256,
        0,
    )
    head = struct.pack("<IiiHHIIiiII", *fields) + b"\1\2\3\0" * 256
    start = _FILE_HEADER + len(head)
    file = struct.pack("<2sIHHI", b"BM", start + len(stored), 0, 0, start) + head + stored
    with Image.open(io.BytesIO(file), formats=("BMP",)) as image:
        return np.array(image)


def _of_masks(data: bytes, header: _Header, notices: list[Notice]) -> NDArray[np.uint8]:
    """uint8 (H, W, 3) of pixels that are one number, of which each mask cuts a colour."""
    rows = _rows(data, header)[:, : header.width * header.bits // 8]
    values = rows.view(f"<u{header.bits // 8}")
    deepest = max((mask // (mask & -mask)).bit_length() for mask in header.masks)
    if deepest > 8:
        notices.append(depth_reduced(deepest))
    colours = np.empty((*values.shape, len(header.masks)), np.uint8)
    for part in row_blocks(*values.shape):
        for place, mask in enumerate(header.masks):
            colours[part, :, place] = _channel(values[part], mask)
    if len(header.masks) == 3:
        return colours
    return np.asarray(over_black(colours[..., :3], colours[..., 3], notices), np.uint8)


def _channel(values: NDArray[Any], mask: int) -> NDArray[np.uint8]:
    shift = (mask & -mask).bit_length() - 1
    bits = (mask >> shift).bit_length()
    cut = (values & values.dtype.type(mask)) >> values.dtype.type(shift)
    if bits >= 8:
        return np.asarray(cut >> values.dtype.type(bits - 8), np.uint8)
    return np.asarray(cut.astype(np.uint16) * 255 // (mask >> shift), np.uint8)


FORMAT = ImageFormat("bmp", "BMP", _matches, _decode)
