"""BMP of every kind: our pixels against what was written, and against imagecodecs where it reads them."""

from __future__ import annotations

import itertools
import struct

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray

from inference.errors import ImageError
from inference.formats import DecodedImage, read_image

H, W = 37, 41
HEADERS = [12, 16, 40, 52, 56, 64, 108, 124]
Picture = NDArray[np.uint8]


def random(*shape: int, most: int = 255, seed: int = 7) -> NDArray[np.uint32]:
    return np.random.default_rng(seed).integers(0, most + 1, shape).astype(np.uint32)


def rows_of(numbers: NDArray[np.uint32], bits: int) -> list[bytes]:
    """Each row's bytes, filled up to a multiple of four; row 0 first. Fewer than 8 bits are packed."""
    if bits >= 8:
        every = [row.astype("<u4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes() for row in numbers]
    else:
        shifts = np.arange(bits - 1, -1, -1)
        spread = ((numbers[..., None] >> shifts) & 1).reshape(len(numbers), -1)
        every = [np.packbits(row.astype(bool)).tobytes() for row in spread]
    return [row + bytes(-len(row) % 4) for row in every]


def table_of(colours: NDArray[np.uint32], size: int) -> bytes:
    return b"".join(bytes([b, g, r, 0][: 3 if size == 12 else 4]) for r, g, b in colours.tolist())


def bmp(
    body: bytes, bits: int, *, size: int = 40, height: int = H, compression: int = 0, table: bytes = b"",
    masks: tuple[int, ...] = (), used: int = 0, offset: int | None = None,
) -> bytes:  # fmt: skip
    if size == 12:
        head = struct.pack("<IHHHH", 12, W, height, 1, bits)
    else:
        fields = (size, W, height, 1, bits, compression, len(body), 0, 0, used, 0)
        head = struct.pack("<IiiHHIIiiII", *fields)[:size]
    head = (head + b"".join(struct.pack("<I", mask) for mask in masks)).ljust(size, b"\0")
    start = 14 + len(head) + len(table)
    told = start if offset is None else offset
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, told) + head + table + body


def body_of(numbers: NDArray[np.uint32], bits: int, is_top_down: bool = False) -> bytes:
    rows = rows_of(numbers, bits)
    return b"".join(rows if is_top_down else rows[::-1])


def codes(image: DecodedImage) -> list[str]:
    return [notice.code for notice in image.notices]


def shown(data: bytes) -> Picture:
    """(H, W, 3), whatever the picture arrives as."""
    pixels = np.asarray(read_image(data).pixels, np.uint8)
    return np.stack([pixels] * 3, axis=-1) if pixels.ndim == 2 else pixels


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_image(data)
    return caught.value


GREY, COLOURS, BLACK_FIRST, FIRST_GREYS = "grey", "colours", "black, white", "first greys"


def colours_of(kind: str, bits: int) -> NDArray[np.uint32]:
    """The colour table (N, 3)."""
    count = 2**bits
    if kind == COLOURS:
        return random(count, 3)
    plain = np.arange(count) if kind == FIRST_GREYS else np.arange(count) * 255 // (count - 1)
    if kind == BLACK_FIRST:
        plain = np.array([0, 255])
    return np.stack([plain] * 3, axis=-1).astype(np.uint32)


@pytest.mark.parametrize("kind", [GREY, COLOURS, BLACK_FIRST, FIRST_GREYS])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_colour_table_of_each_depth_header_and_direction_is_what_was_written(bits, kind) -> None:
    table = colours_of(kind, bits)
    numbers = random(H, W, most=len(table) - 1)
    for size, is_top_down in itertools.product(HEADERS, [False, True]):
        if is_top_down and size == 12:  # its height has no sign
            continue
        used = 0 if len(table) == 2**bits else len(table)
        if used and size in (12, 16):  # they cannot say how many colours there are
            continue
        height = -H if is_top_down else H
        body = body_of(numbers, bits, is_top_down)
        data = bmp(body, bits, size=size, height=height, table=table_of(table, size), used=used)
        assert np.array_equal(shown(data), table[numbers]), (size, is_top_down)
        assert codes(read_image(data)) == (
            [] if np.array_equal(table, colours_of(GREY, bits)[: len(table)]) else ["palette_expanded"]
        )
        if size in (40, 108, 124) and bits != 2 and not used:
            read = imagecodecs.bmp_decode(data, asrgb=True)
            assert np.array_equal(shown(data), read.reshape(H, W, -1) * np.ones(3, np.uint8))


@pytest.mark.parametrize("size", [40, 56, 108, 124])
@pytest.mark.parametrize("is_top_down", [False, True])
def test_colours_of_24_and_32_bits_are_what_was_written_and_the_fourth_byte_is_no_alpha(
    size, is_top_down
) -> None:
    colours = random(H, W, 3)
    number = colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2]
    height = -H if is_top_down else H
    for bits, filling in ((24, 0), (32, 0), (32, 0x80 << 24), (32, 0xFF << 24)):
        data = bmp(body_of(number | filling, bits, is_top_down), bits, size=size, height=height)
        image = read_image(data)
        assert np.array_equal(image.pixels, colours)
        assert image.notices == ()
        if size != 56:
            assert np.array_equal(image.pixels, imagecodecs.bmp_decode(data)[..., :3])


MASKS = {
    "555": (16, (0x7C00, 0x3E0, 0x1F)),
    "565": (16, (0xF800, 0x7E0, 0x1F)),
    "444": (16, (0xF00, 0xF0, 0xF)),
    "332": (16, (0xE0, 0x1C, 0x3)),
    "BGR": (16, (0x1F, 0x7E0, 0xF800)),
    "888": (32, (0xFF0000, 0xFF00, 0xFF)),
    "red first": (32, (0xFF, 0xFF00, 0xFF0000)),
    "high": (32, (0xFF000000, 0xFF0000, 0xFF00)),
    "101010": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
}


@pytest.mark.parametrize("size", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("name", MASKS)
def test_colours_cut_by_masks_are_what_was_written(name, size) -> None:
    bits, masks = MASKS[name]
    deepest = [(mask // (mask & -mask)).bit_length() for mask in masks]
    values = [random(H, W, most=2**depth - 1, seed=seed) for seed, depth in enumerate(deepest)]
    number = sum(value * (mask & -mask) for value, mask in zip(values, masks, strict=True))
    data = bmp(body_of(np.asarray(number, np.uint32), bits), bits, size=size, compression=3, masks=masks)
    image = read_image(data)
    expected = [
        value >> depth - 8 if depth > 8 else value * 255 // (2**depth - 1)
        for value, depth in zip(values, deepest, strict=True)
    ]
    assert np.array_equal(image.pixels, np.stack(expected, axis=-1))
    assert codes(image) == (["depth_reduced"] if max(deepest) > 8 else [])
    if size == 40 and name in ("555", "565", "444"):
        assert np.array_equal(image.pixels, imagecodecs.bmp_decode(data)[..., :3])


@pytest.mark.parametrize("size", [56, 108, 124])
def test_alpha_that_the_header_names_is_laid_over_black(size) -> None:
    colours, alpha = random(H, W, 3), random(H, W)
    alpha[:5] = 0
    number = alpha << 24 | colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2]
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    image = read_image(bmp(body_of(number, 32), 32, size=size, compression=3, masks=masks))
    assert np.array_equal(image.pixels, (colours * alpha[..., None] + 127) // 255)
    assert codes(image) == ["alpha_removed"]


def run_lengths(numbers: NDArray[np.uint32], bits: int, way: str) -> bytes:
    """Each row from the bottom as runs, or as they stand, in pieces of 13, 13 and the rest."""
    said = b""
    for row in numbers[::-1]:
        for first, last in ((0, 13), (13, 26), (26, W)):
            piece = row[first:last]
            if way == "runs":
                twice = 17 if bits == 4 else 1
                said += b"".join(bytes([1, value * twice]) for value in piece.tolist())
                continue
            flat = rows_of(piece[None], bits)[0][: -(-len(piece) * bits // 8)]
            said += bytes([0, len(piece)]) + flat + bytes(len(flat) % 2)
        said += b"\0\0"
    return said + b"\0\1"


@pytest.mark.parametrize("kind", [GREY, COLOURS, BLACK_FIRST, FIRST_GREYS])
@pytest.mark.parametrize("way", ["runs", "as they stand"])
@pytest.mark.parametrize(("bits", "compression"), [(8, 1), (4, 2)])
def test_run_lengths_are_undone(bits, compression, way, kind) -> None:
    table = colours_of(kind, bits)
    numbers = random(H, W, most=len(table) - 1)
    body = run_lengths(numbers, bits, way)
    data = bmp(body, bits, compression=compression, table=table_of(table, 40), used=len(table))
    assert np.array_equal(shown(data), table[numbers])


def test_run_lengths_that_jump_leave_the_first_colour() -> None:
    table = colours_of(COLOURS, 8)
    numbers = np.zeros((H, W), np.uint32)
    numbers[:, :10], numbers[:, 20:] = 7, 9
    row = bytes([10, 7]) + b"\0\2" + bytes([10, 0]) + bytes([W - 20, 9]) + b"\0\0"
    data = bmp(row * H + b"\0\1", 8, compression=1, table=table_of(table, 40))
    assert np.array_equal(shown(data), table[numbers])


@pytest.mark.parametrize("offset", [0, 54])
def test_offset_that_leaves_the_colour_table_out_is_made_good(offset) -> None:
    table, numbers = colours_of(COLOURS, 4), random(H, W, most=15)
    data = bmp(body_of(numbers, 4), 4, table=table_of(table, 40), offset=offset)
    assert np.array_equal(shown(data), table[numbers])


def test_filling_of_the_last_row_may_be_left_out_and_nothing_else() -> None:
    colours = random(H, W, 3)
    number = colours[..., 0] << 16 | colours[..., 1] << 8 | colours[..., 2]
    data = bmp(body_of(number, 24), 24)
    assert np.array_equal(shown(data[:-1]), colours)
    assert refusal(data[:-2]).code == "truncated"


PLAIN = body_of(random(H, W), 8)
FULL = table_of(colours_of(COLOURS, 8), 40)
REFUSED = {
    "a JPEG inside": (bmp(PLAIN, 24, compression=4), "compression 4, 24 bits"),
    "a PNG inside": (bmp(PLAIN, 24, compression=5), "compression 5, 24 bits"),
    "CMYK": (bmp(PLAIN, 32, compression=11), "compression 11, 32 bits"),
    "Huffman of OS/2": (bmp(PLAIN, 32, size=64, compression=3), "compression 3, 32 bits"),
    "64 bits": (bmp(PLAIN, 64), "compression 0, 64 bits"),
    "run lengths from the top": (
        bmp(PLAIN, 8, compression=1, height=-H, table=FULL),
        "compression 1 from the top down",
    ),
    "masks with a hole": (
        bmp(PLAIN * 4, 32, compression=3, masks=(0xFF, 0xF0F00, 0xF000)),
        "masks ff, f0f00, f000",
    ),
    "masks that share bits": (
        bmp(PLAIN * 4, 32, compression=3, masks=(0xFF, 0x1FF, 0xFF0000)),
        "masks ff, 1ff",
    ),
    "no masks": (bmp(PLAIN * 4, 32, compression=3, masks=(0, 0, 0)), "masks 0, 0, 0"),
    "a colour that the table lacks": (
        bmp(PLAIN, 8, table=FULL[:40], used=10),
        "10 colours, and pixels of others",
    ),
    "a table cut short": (bmp(PLAIN, 8, table=FULL[:40]), "10 colours, and pixels of others"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_shown_exactly_is_refused_by_its_header(name) -> None:
    data, received = REFUSED[name]
    error = refusal(data)
    assert error.code == "colour_unsupported"
    assert f"Received {received}" in error.message


@pytest.mark.parametrize("cut", [18, 30, 53, 60, 300])
def test_header_or_table_that_is_cut_off_is_told(cut) -> None:
    assert refusal(bmp(PLAIN, 8, table=FULL)[:cut]).code == "truncated"


@pytest.mark.parametrize(("width", "height"), [(0, H), (-W, H), (W, 0), (100_000, 100_000)])
def test_size_that_no_picture_has_is_refused_before_a_row_is_read(width, height) -> None:
    data = bytearray(bmp(PLAIN, 8, table=FULL))
    struct.pack_into("<ii", data, 18, width, height)
    assert refusal(bytes(data)).code in ("too_small", "too_many_pixels")
