from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inference.canonical import decode_canonical, encode_canonical
from inference.errors import ImageError
from inference.formats import DecodedImage, read_image
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


def test_same_pixels_give_the_same_canonical_bytes() -> None:
    from_png = read_image(saved(Image.fromarray(grey8()), "PNG"))
    from_tiff = read_image(saved(Image.fromarray(grey8()), "TIFF"))
    assert encode_canonical(from_png) == encode_canonical(from_tiff)


def test_damaged_canonical_bytes_are_an_image_error() -> None:
    stored = encode_canonical(DecodedImage(grey8(), "png"))
    with pytest.raises(ImageError):
        decode_canonical(stored[: len(stored) // 2])
