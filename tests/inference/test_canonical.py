from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inference.canonical import decode_canonical, encode_canonical, verify_canonical
from inference.errors import ImageError
from inference.formats import DecodedImage, pillow, read_image
from tests.inference.images import grey8, png_chunks, saved, slice_like

COLOUR = np.stack([grey8(), grey8()[::-1], grey8()[:, ::-1]], axis=-1)


@pytest.mark.parametrize(
    "pixels", [grey8(), slice_like(top=4095), slice_like(top=65535), COLOUR], ids=["8", "12", "16", "rgb"]
)
def test_canonical_round_trip_is_lossless_and_keeps_the_depth(pixels: np.ndarray) -> None:
    restored = decode_canonical(encode_canonical(DecodedImage(pixels, "tiff")))
    assert restored.dtype == pixels.dtype
    assert np.array_equal(restored, pixels)


def test_canonical_of_an_annotated_jpeg_has_no_metadata() -> None:
    exif = Image.Exif()
    exif[0x010E] = "DOE^JANE 1950-01-01"
    exif.get_ifd(0x8825)[1] = "N"
    upload = saved(
        Image.fromarray(grey8()), "JPEG", exif=exif, comment=b"DOE^JANE", icc_profile=b"profile " * 20
    )
    assert b"DOE^JANE" in upload
    stored = encode_canonical(read_image(upload))
    assert b"DOE" not in stored
    assert set(png_chunks(stored)) == {b"IHDR", b"IDAT", b"IEND"}


def test_canonical_of_an_annotated_png_has_no_metadata() -> None:
    text = PngInfo()
    text.add_text("Patient", "DOE^JANE")
    text.add_itxt("Comment", "DOE^JANE", zip=True)
    upload = saved(Image.fromarray(slice_like()), "PNG", pnginfo=text, dpi=(72, 72))
    assert set(png_chunks(upload)) > {b"tEXt", b"iTXt", b"pHYs"}
    stored = encode_canonical(read_image(upload))
    assert set(png_chunks(stored)) == {b"IHDR", b"IDAT", b"IEND"}


@pytest.mark.parametrize(("pixels", "level"), [(grey8(), 0x01), (slice_like(top=4095), 0x01), (COLOUR, 0x9C)])
def test_grey_is_packed_by_runs_and_colour_as_usual(pixels: np.ndarray, level: int) -> None:
    data = encode_canonical(DecodedImage(pixels, "tiff"))
    # The head of zlib's stream tells the level (RFC 1950, 2.2).
    begins = data.index(b"IDAT") + 4
    assert data[begins : begins + 2] == bytes((0x78, level))


def test_same_pixels_give_the_same_canonical_bytes() -> None:
    from_png = read_image(saved(Image.fromarray(grey8()), "PNG"))
    from_tiff = read_image(saved(Image.fromarray(grey8()), "TIFF"))
    assert encode_canonical(from_png) == encode_canonical(from_tiff)


def damaged(data: bytes, how: str) -> bytes:
    if how == "cut off":
        return data[: len(data) // 2]
    if how == "without its end":
        return data[:-1]
    if how == "with more behind it":
        return data + b"more"
    if how == "another file":
        return b"GIF89a" + data[6:]
    if how == "nothing":
        return b""
    at = {"size": 18, "pixels": len(data) // 2, "last checksum": len(data) - 14}[how]
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    "how",
    [
        "cut off", "without its end", "with more behind it", "another file", "nothing",
        "size", "pixels", "last checksum",
    ],
)  # fmt: skip
def test_damaged_canonical_bytes_are_an_image_error(how: str) -> None:
    stored = encode_canonical(DecodedImage(grey8(), "png"))
    verify_canonical(stored)
    for read in (decode_canonical, verify_canonical):
        with pytest.raises(ImageError) as caught:
            read(damaged(stored, how))
        assert caught.value.code == "stored_damaged"
        assert not caught.value.retryable


@pytest.mark.parametrize("mode", ["P", "RGBA", "1"])
def test_png_that_is_none_of_ours_is_an_image_error(mode: str) -> None:
    with pytest.raises(ImageError):
        decode_canonical(saved(Image.fromarray(grey8()).convert(mode), "PNG"))


def test_picture_that_pillow_would_call_a_bomb_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator may allow uploads of more pixels; that they are accepted is judged once."""
    stored = encode_canonical(DecodedImage(grey8(), "png"))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert np.array_equal(decode_canonical(stored), grey8())


def test_stored_pictures_are_read_side_by_side_while_an_upload_is_decoded() -> None:
    pictures = [slice_like(40 + n, 60, top=65535) for n in range(16)]
    stored = [encode_canonical(DecodedImage(each, "png")) for each in pictures]
    with pillow._one_decode_at_a_time, ThreadPoolExecutor(8) as threads:
        restored = list(threads.map(decode_canonical, stored, timeout=60))
    for before, after in zip(pictures, restored, strict=True):
        assert np.array_equal(before, after)
