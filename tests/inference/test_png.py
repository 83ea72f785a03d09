"""PNG: the transparent value of every depth, and words of any size that are thrown away."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.errors import ImageError
from inference.formats import DecodedImage, read_image
from inference.formats.png import _has_every_row
from tests.inference.images import _chunk, grey8, png_of, slice_like

SHAPE = (40, 48)
GREY, RGB, PALETTE, GREY_WITH_ALPHA = 0, 2, 3, 4


def png(rows: list[bytes], depth: int, colour: int, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", SHAPE[1], SHAPE[0], depth, colour, 0, 0, 0)
    raw = b"".join(b"\0" + row for row in rows)
    body = b"".join(chunks) + _chunk(b"IDAT", zlib.compress(raw)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + body


def packed(values: NDArray[np.uint16], depth: int) -> list[bytes]:
    if depth == 16:
        return [row.astype(">u2").tobytes() for row in values]
    bits = (values[..., None] >> np.arange(depth - 1, -1, -1).astype(np.uint16)) & 1
    return [np.packbits(row.astype(bool)).tobytes() for row in bits.reshape(len(values), -1)]


def exif(orientation: int) -> bytes:
    return b"MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1" + struct.pack(">HHI", orientation, 0, 0)


def codes(image: DecodedImage) -> list[str]:
    return [notice.code for notice in image.notices]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_transparent_grey_of_each_depth_is_shown_black(depth) -> None:
    most = 2**depth - 1
    values = slice_like(*SHAPE, top=most)
    values[:5] = most
    spread = values if depth >= 8 else values * (255 // most)
    image = read_image(png(packed(values, depth), depth, GREY, _chunk(b"tRNS", struct.pack(">H", most))))
    assert np.array_equal(image.pixels, np.where(values == most, 0, spread))
    assert image.bit_depth == (16 if depth == 16 else 8)
    assert codes(image) == ["alpha_removed"]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_upper_bits_of_the_transparent_value_do_not_count(depth) -> None:
    most = 2**depth - 1
    values = np.zeros(SHAPE, np.uint16)
    values[:, 8:] = most
    values[:2] = 0
    data = png(packed(values, depth), depth, GREY, _chunk(b"tRNS", struct.pack(">H", 0xFF00)))
    assert np.array_equal(read_image(data).pixels, values * (255 // most))


@pytest.mark.parametrize("depth", [1, 8, 16])
def test_grey_that_is_transparent_everywhere_is_taken_as_opaque(depth) -> None:
    most = 2**depth - 1
    values = np.full(SHAPE, most, np.uint16)
    image = read_image(png(packed(values, depth), depth, GREY, _chunk(b"tRNS", struct.pack(">H", most))))
    assert np.unique(image.pixels).tolist() == [most if depth >= 8 else 255]


@pytest.mark.parametrize("transparent", [None, 65535])
def test_fill_value_of_16_bits_leaves_the_others_as_they_are(transparent) -> None:
    values = slice_like(*SHAPE, top=4000)
    values[:5] = 65535
    chunks = [] if transparent is None else [_chunk(b"tRNS", struct.pack(">H", transparent))]
    image = read_image(png(packed(values, 16), 16, GREY, *chunks))
    shown = 4000 if transparent is None else 0
    assert np.array_equal(image.pixels, np.where(values == 65535, shown, values))
    assert codes(image) == (["alpha_removed"] if chunks else ["range_limited"])


@pytest.mark.parametrize("depth", [8, 16])
def test_transparent_colour_of_each_depth_is_shown_black_and_its_neighbours_are_not(depth) -> None:
    most = 2**depth - 1
    grey = slice_like(*SHAPE, top=most)
    values = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1)
    values[0, 0], values[0, 1] = (9, 8, most), (9, 9, most)
    data = png(
        packed(values.reshape(SHAPE[0], -1), depth),
        depth,
        RGB,
        _chunk(b"tRNS", struct.pack(">3H", 9, 8, most)),
    )
    image = read_image(data)
    expected = values >> (depth - 8)
    expected[0, 0] = 0
    assert np.array_equal(image.pixels, expected)
    assert codes(image) == (["depth_reduced"] if depth == 16 else []) + ["alpha_removed"]


def test_neighbour_that_differs_in_the_lower_byte_alone_stays() -> None:
    values = np.full((*SHAPE, 3), 0x8000, np.uint16)
    values[:, :5] = 0x8001
    rows = packed(values.reshape(SHAPE[0], -1), 16)
    image = read_image(png(rows, 16, RGB, _chunk(b"tRNS", struct.pack(">3H", *[0x8001] * 3))))
    assert np.array_equal(image.pixels, np.where(values[..., 0] == 0x8001, 0, 0x80))


def test_transparent_colour_of_16_bits_is_turned_upright() -> None:
    values = np.arange(SHAPE[0] * SHAPE[1] * 3).reshape(*SHAPE, 3).astype(np.uint16) * 11
    chunks = _chunk(b"eXIf", exif(6)), _chunk(b"tRNS", struct.pack(">3H", *values[3, 4]))
    image = read_image(png(packed(values.reshape(SHAPE[0], -1), 16), 16, RGB, *chunks))
    expected = values >> 8
    expected[3, 4] = 0
    assert np.array_equal(image.pixels, np.rot90(expected, -1))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_transparent_entries_of_a_palette_of_each_depth_are_shown_black(depth) -> None:
    count = 2**depth
    indices = (np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) % count).astype(np.uint16)
    table = np.random.default_rng(3).integers(1, 256, (count, 3)).astype(np.uint8)
    data = png(
        packed(indices, depth),
        depth,
        PALETTE,
        _chunk(b"PLTE", table.tobytes()),
        _chunk(b"tRNS", bytes([255, 0][:count])),
    )
    image = read_image(data)
    assert np.array_equal(image.pixels, np.where((indices == 1)[..., None], 0, table[indices]))
    assert "alpha_removed" in codes(image)


@pytest.mark.parametrize("orientation", [1, 6])
def test_grey_of_16_bits_with_alpha_keeps_its_depth_and_is_turned_upright(orientation) -> None:
    grey = slice_like(*SHAPE, top=60000)
    alpha = np.full(SHAPE, 65535, np.uint16)
    alpha[:10], alpha[10:20] = 0, 0x8000
    rows = packed(np.stack([grey, alpha], axis=-1).reshape(SHAPE[0], -1), 16)
    image = read_image(png(rows, 16, GREY_WITH_ALPHA, _chunk(b"eXIf", exif(orientation))))
    expected = np.rint(grey.astype(float) * alpha / 65535).astype(np.uint16)
    assert np.array_equal(image.pixels, np.rot90(expected, -1) if orientation == 6 else expected)
    assert codes(image) == ["exif_rotated", "alpha_removed"][orientation == 1 :]


def with_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    return data[:33] + _chunk(kind, content) + data[33:]


BIG = zlib.compress(bytes(80 * 2**20), 9)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"zTXt", b"Comment\0\0" + BIG),
        (b"iTXt", b"Comment\0\1\0\0\0" + BIG),
        (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + BIG),
        (b"zTXt", b"Raw profile type exif\0\0" + BIG),
        (b"tEXt", b"Comment\0" + bytes([65]) * (5 * 2**20)),
        (b"iCCP", b"profile\0\0" + BIG),
    ],
    ids=lambda value: value[:20].decode("latin-1").partition("\0")[0],
)
def test_large_words_or_profile_are_thrown_away_and_the_picture_is_read(kind, content) -> None:
    image = read_image(with_chunk(png_of(grey8()), kind, content))
    assert np.array_equal(image.pixels, grey8())
    assert image.notices == ()


XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'


@pytest.mark.parametrize(
    "packed_as", [b"\0\0\0\0" + XMP, b"\1\0\0\0" + zlib.compress(XMP)], ids=["plain", "packed"]
)
def test_orientation_that_stands_among_the_words_is_kept(packed_as) -> None:
    content = b"XML:com.adobe.xmp\0" + packed_as
    image = read_image(with_chunk(png_of(grey8()), b"iTXt", content))
    assert np.array_equal(image.pixels, grey8()[::-1, ::-1])
    assert codes(image) == ["exif_rotated"]


@pytest.mark.parametrize("colour", [GREY, RGB])
@pytest.mark.parametrize("missing", [1, SHAPE[0] - 1])
def test_rows_that_end_too_soon_but_as_they_should_are_missed(colour, missing) -> None:
    """Found by `make faults`: Pillow leaves the rest black. One byte less is as bad as a row."""
    width = SHAPE[1] * (3 if colour == RGB else 1)
    rows = [bytes([7]) * width] * (SHAPE[0] - missing)
    for damaged in (rows, [*rows, *[bytes([7]) * width] * (missing - 1), bytes(width - 1)]):
        with pytest.raises(ImageError) as caught:
            read_image(png(damaged, 8, colour))
        assert caught.value.code == "truncated"
    whole = read_image(png([bytes([7]) * width] * SHAPE[0], 8, colour))
    assert (whole.pixels == 7).all()


@pytest.mark.parametrize("shape", [(33, 34), (40, 37)])
@pytest.mark.parametrize(
    ("depth", "colour"), [(8, 0), (1, 0), (16, 0), (8, 2), (8, 3), (4, 3), (8, 4), (8, 6), (16, 6)]
)
def test_rows_of_each_kind_are_counted_with_and_without_passes(depth, colour, shape) -> None:
    """By the specification's own table of passes, pixel by pixel."""
    passes = np.array(
        [
            [1, 6, 4, 6, 2, 6, 4, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
            [5, 6, 5, 6, 5, 6, 5, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
            [3, 6, 4, 6, 3, 6, 4, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
            [5, 6, 5, 6, 5, 6, 5, 6],
            [7, 7, 7, 7, 7, 7, 7, 7],
        ]
    )
    height, width = shape
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    by_pass = np.tile(passes, (5, 5))[:height, :width]
    rows = [np.sum(row == number) for number in range(1, 8) for row in by_pass if np.any(row == number)]
    interlaced = sum(1 + -(-int(count) * bits // 8) for count in rows)
    for size, is_interlaced in ((height * (1 + -(-width * bits // 8)), 0), (interlaced, 1)):
        header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, is_interlaced)
        start = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)
        assert _has_every_row(start + _chunk(b"IDAT", zlib.compress(bytes(size))))
        assert not _has_every_row(start + _chunk(b"IDAT", zlib.compress(bytes(size - 1))))
