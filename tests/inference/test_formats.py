from __future__ import annotations

import io
import time
import tracemalloc
import warnings

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference.errors import ImageError
from inference.formats import DEFAULT_LIMITS, FORMATS, DecodedImage, Limits, read_image
from tests.inference.images import grey8, png_header, png_of, saved, slice_like, tiff_of, twelve_bit_tiff


def refusal(data: bytes, limits: Limits = DEFAULT_LIMITS) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_image(data, limits)
    assert caught.value.retryable is False
    assert str(caught.value) == caught.value.message
    assert caught.value.message.endswith(".")
    return caught.value


def codes(image: DecodedImage) -> list[str]:
    return [notice.code for notice in image.notices]


def colour_picture() -> Image.Image:
    return Image.fromarray(np.stack([grey8(), grey8()[::-1], grey8()[:, ::-1]], axis=-1))


@pytest.mark.parametrize(
    ("file_format", "format_id"), [("PNG", "png"), ("TIFF", "tiff"), ("BMP", "bmp"), ("WEBP", "webp")]
)
def test_lossless_file_of_each_format_gives_its_exact_pixels(file_format: str, format_id: str) -> None:
    image = read_image(saved(Image.fromarray(grey8()), file_format, lossless=True))
    assert (image.format_id, image.width, image.height, image.bit_depth, image.colour) == (
        format_id,
        64,
        80,
        8,
        "grey",
    )
    assert np.array_equal(image.pixels, grey8())
    assert image.notices == ()


def test_jpeg_gives_nearly_its_pixels() -> None:
    image = read_image(saved(Image.fromarray(grey8()), "JPEG", quality=100))
    assert image.format_id == "jpeg"
    assert np.abs(image.pixels.astype(int) - grey8()).max() <= 3


def test_empty_file_is_refused() -> None:
    assert refusal(b"").code == "empty_file"


def test_text_called_png_is_refused_as_no_image() -> None:
    error = refusal(b"patient list, not a picture\n" * 40)
    assert error.code == "not_an_image"
    assert "1,120 bytes" in error.message


def test_text_beginning_with_bm_is_not_taken_for_a_bitmap() -> None:
    assert refusal(b"BMI of the cohort, see table 2 of the appendix").code == "not_an_image"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (saved(Image.fromarray(grey8()), "GIF"), "GIF"),
        (b"%PDF-1.7 and more", "PDF"),
        (b"NRRD0004\ntype: short\n", "NRRD"),
        (b"\xff\x0a and more", "JPEG XL"),
        (b"\0\0\0\x1cftypmsf1", "HEIF"),
    ],
)
def test_known_format_that_is_not_accepted_is_refused_by_its_name(data: bytes, name: str) -> None:
    error = refusal(data)
    assert error.code == "unsupported_format"
    assert error.message.endswith(f"Received a {name} file.")


@pytest.mark.parametrize("file_format", ["PNG", "JPEG", "TIFF", "BMP", "WEBP"])
def test_truncated_file_is_refused(file_format: str) -> None:
    data = saved(Image.fromarray(grey8(200, 200)), file_format)
    assert refusal(data[: len(data) // 2]).code == "truncated"


def test_png_with_a_wrong_checksum_is_refused() -> None:
    data = bytearray(png_of(grey8()))
    data[len(data) // 2] ^= 0xFF
    assert refusal(bytes(data)).code == "truncated"


def test_file_over_the_byte_limit_is_refused_with_both_sizes() -> None:
    error = refusal(b"\x89PNG\r\n\x1a\n" + b"\0" * (3 * 2**20), Limits(max_bytes=2**20))
    assert error.code == "file_too_large"
    assert "1.0 MB" in error.message
    assert error.message.endswith("received 3.0 MB.")


@pytest.mark.parametrize("side", [4_001, 10_000, 20_000])
def test_decompression_bomb_is_refused_from_its_header_with_little_memory(side: int) -> None:
    """4,001 is over our limit only, 10,000 over Pillow's warning, 20,000 over Pillow's error."""
    data = png_header(side, side)
    tracemalloc.start()
    error = refusal(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert error.code == "too_many_pixels"
    assert peak < 2 * 2**20


def test_webp_bomb_is_refused_before_its_canvas_is_allocated() -> None:
    data = bytearray(saved(Image.fromarray(grey8()), "WEBP", lossless=True))
    bits = int.from_bytes(data[21:25], "little")
    data[21:25] = (bits & ~0xFFFFFFF | 11_999 | 11_999 << 14).to_bytes(4, "little")
    assert refusal(bytes(data)).code == "too_many_pixels"


def test_image_of_tiny_size_is_refused() -> None:
    error = refusal(png_of(grey8(31, 200)))
    assert error.code == "too_small"
    assert error.message.endswith("received 200 x 31.")


@pytest.mark.parametrize("file_format", ["PNG", "WEBP", "TIFF"])
def test_file_of_several_pictures_is_refused_with_advice(file_format: str) -> None:
    frames = [Image.fromarray(grey8()), Image.fromarray(grey8()[::-1].copy())]
    error = refusal(saved(frames[0], file_format, save_all=True, append_images=frames[1:]))
    assert error.code == "several_frames"
    assert "one slice per file" in error.message


def test_cmyk_jpeg_is_converted_and_says_so() -> None:
    image = read_image(saved(colour_picture().convert("CMYK"), "JPEG", quality=95))
    assert image.colour == "rgb"
    assert codes(image) == ["cmyk_converted"]
    assert np.abs(image.pixels.astype(int) - np.asarray(colour_picture())).mean() < 12


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_kept(file_format: str) -> None:
    values = slice_like(top=65535)
    image = read_image(saved(Image.fromarray(values), file_format))
    assert (image.bit_depth, image.colour, image.notices) == (16, "grey", ())
    assert np.array_equal(image.pixels, values)


def test_big_endian_sixteen_bit_tiff_is_kept() -> None:
    values = slice_like(top=4000)
    image = read_image(saved(Image.frombytes("I;16B", (64, 80), values.astype(">u2").tobytes()), "TIFF"))
    assert np.array_equal(image.pixels, values)
    assert image.pixels.dtype == np.uint16


def test_twelve_bit_tiff_is_kept_in_sixteen() -> None:
    values = slice_like(top=4095)
    image = read_image(twelve_bit_tiff(values))
    assert image.bit_depth == 16
    assert np.array_equal(image.pixels, values)


def test_white_is_zero_tiff_of_sixteen_bits_is_turned_round() -> None:
    values = slice_like(top=65535)
    image = read_image(tiff_of((65535 - values).tobytes(), values.shape, {262: (3, 0)}))
    assert np.array_equal(image.pixels, values)


def test_signed_tiff_with_negative_values_is_raised_to_zero_and_says_so() -> None:
    values = slice_like(top=2000).astype(np.int16) - 1000
    image = read_image(tiff_of(values.tobytes(), values.shape, {339: (3, 2)}))
    assert codes(image) == ["values_shifted"]
    assert np.array_equal(image.pixels, (values + 1000).astype(np.uint16))


def test_integers_beyond_sixteen_bits_are_scaled_and_say_so() -> None:
    values = slice_like().astype(np.int32) * 1000
    image = read_image(saved(Image.fromarray(values), "TIFF"))
    assert codes(image) == ["values_scaled"]
    assert np.array_equal(image.pixels, np.rint(values / 255000 * 65535).astype(np.uint16))


def test_float_tiff_is_scaled_to_sixteen_bits_and_says_so() -> None:
    values = slice_like(top=1000).astype(np.float32) / 1000 - 0.25
    image = read_image(saved(Image.fromarray(values), "TIFF"))
    assert codes(image) == ["floats_scaled"]
    assert np.array_equal(image.pixels, np.rint((values.astype(float) + 0.25) * 65535).astype(np.uint16))


def test_float_tiff_with_undefined_values_is_refused() -> None:
    values = slice_like().astype(np.float32)
    values[3, 4] = np.nan
    assert refusal(saved(Image.fromarray(values), "TIFF")).code == "colour_unsupported"


def test_lab_tiff_is_refused_by_its_colour_mode() -> None:
    error = refusal(saved(Image.new("LAB", (64, 64)), "TIFF"))
    assert error.code == "colour_unsupported"
    assert error.message.endswith("Received colour mode LAB.")


def test_sixteen_bit_colour_png_is_reduced_and_says_so() -> None:
    header = b"\x89PNG\r\n\x1a\n"
    eight = saved(colour_picture(), "PNG")
    deep = _deepened(np.asarray(colour_picture()))
    image = read_image(deep)
    assert deep.startswith(header)
    assert codes(image) == ["depth_reduced"]
    assert np.array_equal(image.pixels, read_image(eight).pixels)


def test_one_bit_image_becomes_black_and_white() -> None:
    image = read_image(saved(Image.fromarray(grey8() > 100), "PNG"))
    assert np.array_equal(image.pixels, np.where(grey8() > 100, 255, 0).astype(np.uint8))


def test_palette_is_expanded_and_says_so() -> None:
    picture = colour_picture().quantize(16)
    image = read_image(saved(picture, "PNG"))
    assert codes(image) == ["palette_expanded"]
    assert np.array_equal(image.pixels, np.asarray(picture.convert("RGB")))


def test_alpha_is_laid_over_black_and_says_so() -> None:
    alpha = np.full((80, 64), 255, np.uint8)
    alpha[:40] = 0
    picture = colour_picture()
    picture.putalpha(Image.fromarray(alpha))
    image = read_image(saved(picture, "PNG"))
    assert codes(image) == ["alpha_removed"]
    assert not image.pixels[:40].any()
    assert np.array_equal(image.pixels[40:], np.asarray(colour_picture())[40:])


def test_alpha_that_hides_everything_is_taken_as_unused() -> None:
    picture = colour_picture()
    picture.putalpha(0)
    assert np.array_equal(read_image(saved(picture, "PNG")).pixels, np.asarray(colour_picture()))


def test_large_picture_with_alpha_costs_arrays_of_little_more_than_its_pixels() -> None:
    """Pillow's own memory is not traced; the arrays are the picture with alpha and the one without."""
    data = saved(Image.new("RGBA", (3000, 2000), (200, 100, 50, 128)), "PNG")
    tracemalloc.start()
    image = read_image(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(image.pixels.reshape(-1, 3)[::997].ravel().tolist()) == {100, 50, 25}
    assert image.pixels[-1, -1].tolist() == [100, 50, 25]
    assert peak < 2.5 * 4 * 3000 * 2000


def test_large_picture_of_floats_is_scaled_as_one() -> None:
    """Its rows pass in blocks; the least and the greatest value lie in different ones."""
    values = np.full((1500, 2000), 0.5, np.float32)
    values[0, 0], values[-1, -1] = -1.0, 1.0
    pixels = read_image(saved(Image.fromarray(values), "TIFF")).pixels
    assert (pixels[0, 0], pixels[-1, -1]) == (0, 65535)
    assert np.unique(pixels).tolist() == [0, 49151, 65535]


def test_transparent_colour_of_a_palette_is_removed() -> None:
    picture = Image.fromarray(grey8()).quantize(8)
    image = read_image(saved(picture, "PNG", transparency=0))
    assert "alpha_removed" in codes(image)
    assert not image.pixels[np.asarray(picture) == 0].any()


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_exif_orientation_is_applied_and_says_so(file_format: str, orientation: int) -> None:
    turns = {
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.T,
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].T,
        8: lambda a: np.rot90(a, 1),
    }
    stored = Image.fromarray(grey8())
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = np.asarray(Image.open(io.BytesIO(saved(stored, file_format, lossless=True))).convert("L"))
    image = read_image(saved(stored, file_format, exif=exif, lossless=True))
    assert codes(image) == ["exif_rotated"]
    assert np.array_equal(image.pixels, turns[orientation](plain))


def test_broken_exif_does_not_hide_the_picture() -> None:
    data = saved(Image.fromarray(grey8()), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x00")
    image = read_image(data)
    assert image.pixels.shape == (80, 64)


def test_grey_saved_as_colour_arrives_as_grey() -> None:
    image = read_image(saved(Image.fromarray(grey8()).convert("RGB"), "PNG"))
    assert image.colour == "grey"
    assert np.array_equal(image.pixels, grey8())


def test_warnings_of_the_decoder_stay_inside_and_filters_are_restored() -> None:
    before = list(warnings.filters)
    refusal(png_header(10_000, 10_000))
    assert list(warnings.filters) == before


SEEDS = [
    saved(Image.fromarray(grey8(40, 36)), "PNG"),
    saved(Image.fromarray(slice_like(40, 36, 4095)), "PNG"),
    saved(colour_picture(), "JPEG"),
    saved(Image.fromarray(slice_like(40, 36, 4095)), "TIFF", compression="tiff_lzw"),
    saved(colour_picture(), "TIFF"),
    saved(colour_picture(), "BMP"),
    saved(colour_picture(), "WEBP"),
    saved(Image.fromarray(grey8(40, 36)), "WEBP", lossless=True),
]


def assert_decodes_or_refuses(data: bytes) -> None:
    try:
        image = read_image(data, Limits(max_pixels=1_000_000))
    except ImageError:
        return
    assert image.pixels.dtype in (np.uint8, np.uint16)
    assert image.pixels.shape in {(image.height, image.width), (image.height, image.width, 3)}


@given(st.binary(max_size=600), st.sampled_from([b""] + [seed[:16] for seed in SEEDS]))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_decode_or_are_refused(data: bytes, prefix: bytes) -> None:
    assert_decodes_or_refuses(prefix + data)


@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6),
)
@settings(max_examples=400, deadline=None)
def test_mutated_headers_decode_or_are_refused(seed: bytes, edits: list[tuple[int, int]]) -> None:
    data = bytearray(seed)
    for position, value in edits:
        data[position % len(data)] = value
    assert_decodes_or_refuses(bytes(data))


@given(st.sampled_from(SEEDS), st.floats(0, 1), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_mutated_anywhere_and_cut_files_decode_or_are_refused(seed: bytes, where: float, value: int) -> None:
    data = bytearray(seed)
    position = int(where * (len(data) - 1))
    data[position] = value
    assert_decodes_or_refuses(bytes(data))
    assert_decodes_or_refuses(bytes(data[:position]))


def test_each_format_is_registered_once() -> None:
    assert len({each.id for each in FORMATS}) == len(FORMATS) == 7


def _deepened(pixels: np.ndarray) -> bytes:
    """A 16-bit RGB PNG whose samples are value * 257; Pillow does not write these."""
    import struct
    import zlib

    from tests.inference.images import _chunk

    height, width, _ = pixels.shape
    rows = (pixels.astype(np.uint32) * 257).astype(">u2").reshape(height, -1)
    raw = b"".join(b"\0" + row.tobytes() for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(raw))
        + _chunk(b"IEND", b"")
    )


def progressive_of_scans(repeats: int) -> bytes:
    """A progressive JPEG whose last scan stands there `repeats` times more."""
    data = saved(Image.fromarray(grey8(200, 200)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * repeats + b"\xff\xd9"


def test_progressive_jpeg_of_its_usual_scans_is_read() -> None:
    assert read_image(progressive_of_scans(0)).pixels.shape == (200, 200)


def test_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded() -> None:
    begun = time.process_time()
    error = refusal(progressive_of_scans(5000))
    assert error.code == "image_too_slow"
    assert error.message.endswith("At most 100 scans are read.")
    assert time.process_time() - begun < 0.5


def test_start_of_a_scan_inside_of_a_comment_is_no_scan() -> None:
    data = saved(Image.fromarray(grey8()), "JPEG", comment=b"\xff\xda\x00\x02" * 500)
    assert read_image(data).pixels.shape == (80, 64)


@pytest.mark.parametrize(
    ("data", "received"),
    [
        (imagecodecs.ljpeg_encode(grey8()), "JPEG of kind C3"),
        (imagecodecs.jpegls_encode(grey8()), "JPEG of kind F7"),
        (imagecodecs.jpeg_encode(slice_like(top=4000), bitspersample=12), "JPEG, 12 bits"),
    ],
)
def test_jpeg_of_a_kind_that_is_not_shown_is_refused_by_it(data: bytes, received: str) -> None:
    error = refusal(bytes(data))
    assert (error.code, error.facts["received"]) == ("colour_unsupported", received)
