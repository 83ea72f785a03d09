"""TIFF of many kinds: our pixels against the values that were written and against tifffile's own reading."""

from __future__ import annotations

import io
import itertools
import struct
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from inference.errors import ImageError
from inference.formats import DecodedImage, read_image
from tests.inference.images import grey8, slice_like, tiff_of

SHAPE = (40, 48)
EXTENT = {"<": "II", ">": "MM"}


def written(values: NDArray[np.generic], **options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, **{"metadata": None, "photometric": "minisblack", **options})
    return stream.getvalue()


def codes(image: DecodedImage) -> list[str]:
    return [notice.code for notice in image.notices]


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_image(data)
    return caught.value


def values_of(kind: str) -> NDArray[np.generic]:
    """(40, 48), as many different values as the type holds, its ends among them."""
    grey = slice_like(*SHAPE, top=60000).astype(np.float64)
    dtype: np.dtype[Any] = np.dtype(kind)
    if dtype.kind == "f":
        return (grey / 1000 - 20).astype(dtype)
    ends = np.iinfo(dtype)
    low, high = max(ends.min, -30000), min(ends.max, 30000 if dtype.kind == "i" else 65535)
    return np.rint(grey / 60000 * (high - low) + low).astype(dtype)


def expected(stored: NDArray[Any], white_is_zero: bool) -> tuple[NDArray[Any], list[str]]:
    """The rule in words, on the values that stand in the file."""
    if stored.dtype.kind == "f":
        shown = stored.astype(np.float64) * (-1 if white_is_zero else 1)
        share = (shown - shown.min()) / (shown.max() - shown.min())
        return np.rint(share * 65535).astype(np.uint16), ["floats_scaled"]
    if stored.dtype.kind == "u":
        most = np.iinfo(stored.dtype).max
        return (most - stored if white_is_zero else stored), []
    raised = -1 - stored.astype(np.int64) if white_is_zero else stored.astype(np.int64)
    if stored.dtype.itemsize == 1:
        return (raised + 128).astype(np.uint8), ["values_shifted"]
    return (raised - raised.min()).astype(np.uint16), ["values_shifted"]


@pytest.mark.parametrize("byteorder", EXTENT)
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("kind", ["u1", "u2", "i1", "i2", "i4", "i8", "f2", "f4", "f8"])
def test_grey_of_each_type_order_and_layout_is_what_tifffile_reads(kind, byteorder, bigtiff) -> None:
    values = values_of(kind)
    ways = [
        (None, False),
        ("lzw", False),
        ("zlib", False),
        ("packbits", False),
        ("lzma", False),
        ("zstd", True),
    ]
    ways += [("lzw", True), ("zlib", True)]
    layouts: list[dict[str, Any]] = [
        {},
        {"tile": (16, 32)},
        {"rowsperstrip": 7},
        {"tile": (32, 16), "photometric": "miniswhite"},
    ]
    for (compression, predictor), layout in itertools.product(ways, layouts):
        if predictor and kind == "i8":  # tifffile writes none
            continue
        data = written(
            values,
            byteorder=byteorder,
            bigtiff=bigtiff,
            compression=compression,
            predictor=predictor,
            **layout,
        )
        image = read_image(data)
        pixels, notices = expected(tifffile.imread(io.BytesIO(data)), "photometric" in layout)
        assert np.array_equal(image.pixels, pixels), (compression, predictor, layout)
        assert image.pixels.dtype == pixels.dtype
        assert codes(image) == notices


@pytest.mark.parametrize("kind", ["u4", "u8"])
def test_wide_integers_that_16_bits_hold_are_kept(kind) -> None:
    values = values_of(kind)
    image = read_image(written(values, byteorder=">", bigtiff=True))
    assert np.array_equal(image.pixels, values)
    assert image.notices == ()


@pytest.mark.parametrize("byteorder", EXTENT)
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_colours_in_one_or_in_separate_planes_are_what_tifffile_reads(kind, planar, byteorder) -> None:
    grey = values_of(kind)
    stored = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=0 if planar == "separate" else -1)
    for compression, layout in itertools.product([None, "lzw", "zlib"], [{}, {"tile": (16, 16)}]):
        options = {"photometric": "rgb", "planarconfig": planar, "compression": compression, **layout}
        data = written(stored, byteorder=byteorder, **options)
        read = tifffile.imread(io.BytesIO(data))
        colours = np.moveaxis(read, 0, -1) if planar == "separate" else read
        image = read_image(data)
        assert np.array_equal(image.pixels, colours >> 8 if kind == "u2" else colours)
        assert codes(image) == (["depth_reduced"] if kind == "u2" else [])


def test_equal_planes_of_16_bits_are_their_high_bytes_as_grey() -> None:
    grey = slice_like(*SHAPE, top=65535)
    image = read_image(written(np.stack([grey] * 3), photometric="rgb", planarconfig="separate"))
    assert np.array_equal(image.pixels, (grey >> 8).astype(np.uint8))
    assert codes(image) == ["depth_reduced"]


def packed(values: NDArray[np.uint16], bits: int) -> bytes:
    """Rows of samples of `bits` bits, each row from a whole byte on."""
    shifts = np.arange(bits - 1, -1, -1).astype(values.dtype)
    return np.packbits(
        ((values[..., None] >> shifts) & 1).reshape(len(values), -1).astype(bool), axis=1
    ).tobytes()


@pytest.mark.parametrize("white_is_zero", [False, True])
@pytest.mark.parametrize("bits", range(1, 17))
def test_grey_of_each_depth_up_to_16_bits_is_kept_and_below_8_spread(bits, white_is_zero) -> None:
    values = slice_like(*SHAPE, top=2**bits - 1)
    stored = values if bits != 16 else values.astype("<u2")
    strip = packed(values, bits) if bits != 16 else stored.tobytes()
    data = tiff_of(strip, SHAPE, {258: (3, bits), 262: (3, 0 if white_is_zero else 1)})
    assert np.array_equal(tifffile.imread(io.BytesIO(data)), values)
    shown = 2**bits - 1 - values.astype(int) if white_is_zero else values.astype(int)
    if bits < 8:
        shown = (shown * 255 + (2**bits - 1) // 2) // (2**bits - 1)
    image = read_image(data)
    assert np.array_equal(image.pixels, shown)
    assert image.bit_depth == (8 if bits <= 8 else 16)
    assert image.notices == ()


@pytest.mark.parametrize("bits", range(17, 65))
def test_deeper_samples_are_read_as_tifffile_reads_them_or_refused(bits) -> None:
    values = slice_like(*SHAPE, top=60000).astype(np.uint64)
    strip = values.astype(f"<u{bits // 8}").tobytes() if bits in (32, 64) else packed(values, bits)
    data = tiff_of(strip, SHAPE, {258: (3, bits)})
    if bits > 32 and bits != 64:
        error = refusal(data)
        assert error.code == "colour_unsupported"
        assert error.message.endswith(f"BitsPerSample {bits}.")
    else:
        assert np.array_equal(tifffile.imread(io.BytesIO(data)), values)
        assert np.array_equal(read_image(data).pixels, values)


def palette_tiff(scale: int) -> tuple[bytes, NDArray[np.uint16]]:
    table = np.random.default_rng(5).integers(0, 256, (3, 256)).astype(np.uint16)
    data = written(grey8(*SHAPE), photometric="palette", colormap=table * scale)
    return data, table


@pytest.mark.parametrize("scale", [1, 256, 257])
def test_palette_of_either_scale_gives_the_same_colours(scale) -> None:
    data, table = palette_tiff(scale)
    image = read_image(data)
    assert np.array_equal(image.pixels, np.moveaxis(table[:, grey8(*SHAPE)], 0, -1))
    assert codes(image) == ["palette_expanded"]


@pytest.mark.parametrize(("kind", "opaque"), [("u1", 255), ("u2", 65535)])
def test_transparent_grey_is_laid_over_black_in_its_own_depth(kind, opaque) -> None:
    grey = values_of(kind)
    alpha = np.full_like(grey, opaque)
    alpha[:10] = 0
    image = read_image(
        written(np.stack([grey, alpha], axis=-1), extrasamples=["unassalpha"], planarconfig="contig")
    )
    assert np.array_equal(image.pixels, np.where(alpha == 0, 0, grey))
    assert image.pixels.dtype == grey.dtype
    assert codes(image) == ["alpha_removed"]


def test_associated_alpha_is_not_multiplied_twice() -> None:
    colours = np.stack([grey8(*SHAPE) // 2, grey8(*SHAPE)[::-1] // 2, grey8(*SHAPE) // 3], axis=-1)
    stored = np.concatenate([colours, np.full((*SHAPE, 1), 128, np.uint8)], axis=-1)
    image = read_image(written(stored, photometric="rgb", extrasamples=["assocalpha"]))
    assert np.array_equal(image.pixels, colours)
    assert codes(image) == ["alpha_removed"]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_orientation_turns_deep_and_white_is_zero_pictures_too(orientation) -> None:
    turns = [np.fliplr, lambda a: np.rot90(a, 2), np.flipud, np.transpose]
    turns += [lambda a: np.rot90(a, -1), lambda a: np.rot90(a, 2).T, np.rot90]
    values = slice_like(*SHAPE, top=65535)
    data = written(65535 - values, photometric="miniswhite", extratags=[(274, 3, 1, orientation, True)])
    image = read_image(data)
    assert np.array_equal(image.pixels, turns[orientation - 2](values))
    assert codes(image) == ["exif_rotated"]


@pytest.mark.parametrize("colour", ["rgb", "ycbcr", "minisblack"])
def test_jpeg_inside_is_what_tifffile_reads(colour) -> None:
    grey = grey8(64, 64)
    values = grey if colour == "minisblack" else np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1)
    data = written(values, photometric=colour, compression="jpeg", tile=(32, 32))
    assert np.array_equal(read_image(data).pixels, tifffile.imread(io.BytesIO(data)))


GREY = grey8(*SHAPE)
REFUSED = {
    "complex numbers": (written(GREY.astype(np.complex64)), "SampleFormat 6, BitsPerSample 64"),
    "CMYK": (written(np.stack([GREY] * 4, axis=-1), photometric="separated"), "colour mode CMYK"),
    "CIELab": (written(np.stack([GREY] * 3, axis=-1), photometric="cielab"), "colour mode LAB"),
    "YCbCr": (
        written(np.stack([GREY] * 3, axis=-1), photometric="ycbcr", subsampling=(1, 1)),
        "PhotometricInterpretation 6, SamplesPerPixel 3, ExtraSamples , SampleFormat 1, BitsPerSample 8",
    ),
    "colours of 32 bits": (
        written(np.stack([GREY.astype(np.uint32)] * 3, axis=-1), photometric="rgb"),
        "BitsPerSample 32",
    ),
    "floating colours": (
        written(np.stack([GREY.astype("f4")] * 3, axis=-1), photometric="rgb"),
        "SampleFormat 3",
    ),
    "three channels that are no colours": (
        written(np.stack([GREY] * 3, axis=-1), planarconfig="contig"),
        "SamplesPerPixel 3",
    ),
    "a second channel of unknown use": (
        written(np.stack([GREY] * 2, axis=-1), planarconfig="contig", extrasamples=["unspecified"]),
        "ExtraSamples 0",
    ),
    "CCITT": (tiff_of(bytes(240), SHAPE, {258: (3, 1), 259: (3, 4)}), "Compression 4"),
    "undefined samples": (tiff_of(bytes(3840), SHAPE, {339: (3, 4)}), "SampleFormat 4"),
    "a predictor of packed samples": (
        tiff_of(bytes(2880), SHAPE, {258: (3, 12), 317: (3, 2)}),
        "Predictor 2",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_shown_exactly_is_refused_by_its_tag(name) -> None:
    data, received = REFUSED[name]
    error = refusal(data)
    assert error.code == "colour_unsupported"
    assert received in error.message


@pytest.mark.parametrize(
    "options",
    [{}, {"imagej": True, "metadata": {"axes": "ZYX"}}, {"metadata": {"axes": "ZYX"}, "truncate": True}],
)
def test_stack_is_refused_however_its_pages_are_stored(options) -> None:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.stack([GREY, GREY[::-1]]), **{"photometric": "minisblack", **options})
    assert refusal(stream.getvalue()).code == "several_frames"


def pages(thumbnails: tuple[int, ...]) -> bytes:
    """Pages of one picture, and thumbnails of it where there is a 1."""
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for is_thumbnail in thumbnails:
            values = values_of("u2")[::4, ::4] if is_thumbnail else values_of("u2")
            writer.write(values, subfiletype=is_thumbnail, photometric="minisblack")
    return stream.getvalue()


@pytest.mark.parametrize("order", [(1, 0), (0, 1), (1, 0, 1)])
def test_thumbnails_are_no_pages(order) -> None:
    assert np.array_equal(read_image(pages(order)).pixels, values_of("u2"))


def test_thumbnails_of_several_pages_leave_them_several() -> None:
    assert refusal(pages((0, 1, 0))).code == "several_frames"


def test_strip_that_is_not_in_the_file_is_not_filled_in() -> None:
    sparse = bytearray(written(np.zeros((64, 64), np.uint8), tile=(32, 32), compression="zlib"))
    page = tifffile.TiffFile(io.BytesIO(bytes(sparse))).pages.first
    struct.pack_into("<I", sparse, page.tags[325].valueoffset, 0)
    assert refusal(bytes(sparse)).code == "truncated"


def test_strip_shorter_than_its_rows_is_not_read_on_into_the_tags() -> None:
    data = tiff_of(bytes(40 * 48 * 2 - 100), SHAPE, {})
    assert refusal(data).code == "truncated"
    assert refusal(data + bytes(1000)).code == "truncated"


def test_tile_larger_than_any_picture_is_refused_before_it_is_made() -> None:
    data = written(np.zeros((64, 64), np.uint8), tile=(32, 32), compression="zlib")
    page = tifffile.TiffFile(io.BytesIO(data)).pages.first
    broken = bytearray(data)
    for tag in (322, 323):
        struct.pack_into("<H", broken, page.tags[tag].valueoffset, 65520)
    assert refusal(bytes(broken)).code == "too_many_pixels"


def hot(values: NDArray[np.generic], value: float) -> NDArray[np.generic]:
    changed = values.copy()
    changed[3, 4] = value
    return changed


@pytest.mark.parametrize("outlier", [1e9, -1e9, 3.4e38, -3.4e38])
def test_one_outlier_leaves_a_floating_picture_its_contrast(outlier) -> None:
    values = slice_like(*SHAPE, top=1000).astype(np.float32)
    plain = read_image(written(values)).pixels
    image = read_image(written(hot(values, outlier)))
    assert np.array_equal(image.pixels, hot(plain, 65535 if outlier > 0 else 0))
    assert codes(image) == ["floats_scaled", "range_limited"]


@pytest.mark.parametrize("fill", [-9999.0, -3.4e38, 1e20])
def test_fill_value_over_a_third_of_the_picture_leaves_it_its_contrast(fill) -> None:
    values = slice_like(*SHAPE, top=1000).astype(np.float64)
    values[:, 40:] = 0
    plain = read_image(written(values)).pixels
    values[:, 40:], plain[:, 40:] = fill, 65535 if fill > 0 else 0
    values[:6], plain[:6] = fill, 65535 if fill > 0 else 0
    image = read_image(written(values))
    assert np.array_equal(image.pixels, plain)
    assert codes(image) == ["floats_scaled", "range_limited"]


def test_fill_values_at_both_ends_leave_a_picture_its_contrast() -> None:
    values = slice_like(*SHAPE, top=1000).astype(np.float64)
    values[:, 40:] = 0
    plain = read_image(written(values)).pixels
    values[:20, 40:], values[20:, 40:], plain[20:, 40:] = -1e6, 1e9, 65535
    assert np.array_equal(read_image(written(values)).pixels, plain)


@pytest.mark.parametrize("outlier", [2**31 - 1, -(2**31)])
def test_one_outlier_of_32_bits_is_limited_and_the_others_kept(outlier) -> None:
    values = slice_like(*SHAPE, top=2000).astype(np.int32)
    image = read_image(written(hot(values, outlier)))
    assert np.array_equal(image.pixels, hot(values, 2000 if outlier > 0 else 0))
    assert codes(image) == ["range_limited"]


@pytest.mark.parametrize("spread", [0, 40])
@pytest.mark.parametrize(
    ("kind", "fill"), [("u2", 65535), ("u2", 0), ("i2", -32768), ("i2", 32767), ("i2", -32000)]
)
def test_fill_value_of_16_bits_leaves_the_others_as_they_are(kind, fill, spread) -> None:
    """One pixel, or a padding; the picture is that without it, and its own values stay."""
    lowest = 30000 if fill == 0 else 0
    values = (slice_like(*SHAPE, top=4000).astype(int) + lowest).astype(kind)
    plain = values.copy()
    place = (slice(0, 8), slice(None, spread)) if spread else (3, 4)
    values[place], plain[place] = fill, values.max() if fill > lowest else values.min()
    image = read_image(written(values))
    assert np.array_equal(image.pixels, plain)
    assert codes(image) == ["range_limited"]


@pytest.mark.parametrize("kind", ["u2", "i2"])
def test_bright_spot_that_is_no_fill_value_is_kept(kind) -> None:
    values = slice_like(*SHAPE, top=4000).astype(kind)
    values[3, 4], values[5:7, 5:7] = 15_000, 8000
    image = read_image(written(values))
    assert np.array_equal(image.pixels, values)
    assert image.notices == ()


def test_few_bright_values_on_an_empty_background_are_kept() -> None:
    values = np.zeros((200, 200), np.uint16)
    values[100, 90:120] = np.arange(100, 3100, 100)
    image = read_image(written(values))
    assert np.array_equal(image.pixels, values)
    assert image.notices == ()


def test_white_that_is_zero_has_its_fill_value_at_the_other_end() -> None:
    values = slice_like(*SHAPE, top=4000)
    values[:8] = 65535
    image = read_image(written(65535 - values, photometric="miniswhite"))
    assert np.array_equal(image.pixels, np.minimum(values, 4000))
    assert codes(image) == ["range_limited"]


def test_integers_beyond_16_bits_are_scaled_and_said() -> None:
    values = slice_like(*SHAPE, top=60000).astype(np.uint32) * 70000
    image = read_image(written(values))
    assert np.array_equal(image.pixels, np.rint(values / values.max() * 65535))
    assert codes(image) == ["values_scaled"]


def test_mask_of_few_classes_keeps_them_apart() -> None:
    values = np.select([slice_like(*SHAPE) > 200, slice_like(*SHAPE) > 0], [101.0, 100.0], 0.0)
    image = read_image(written(values))
    assert np.unique(image.pixels).tolist() == [0, 64886, 65535]
    assert codes(image) == ["floats_scaled"]
