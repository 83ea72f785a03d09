"""Compressed DICOM pixels that do not keep to what the file says of them."""

from __future__ import annotations

import struct
import zlib
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import uid

from inference.formats import read_image, read_images
from tests.inference.dicoms import compressed, dataset, dicom, ramp, written
from tests.inference.test_dicom import modality, refusal

TWELVE = {"BitsStored": 12, "HighBit": 11}
# Of NumPy's types alone, so that each says its own depth.
j2k = partial(imagecodecs.jpeg2k_encode, level=0, codecformat="j2k")
LOSSLESS: list[tuple[uid.UID, Any]] = [
    (uid.JPEG2000Lossless, j2k),
    (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    (uid.JPEGLosslessSV1, imagecodecs.ljpeg_encode),
    (uid.JPEG2000, j2k),
]


def item(content: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(content)) + content


def encapsulated(payload: bytes, frames: int = 1, syntax: uid.UID = uid.JPEG2000Lossless) -> bytes:
    """A file with these items, whatever they are; frames of one ramp."""
    made = dataset(np.stack([ramp()] * frames), NumberOfFrames=frames, **TWELVE)
    made.file_meta.TransferSyntaxUID = syntax
    made.PixelData = payload
    made["PixelData"].VR, made["PixelData"].is_undefined_length = "OB", True
    return written(made)


def even(stream: bytes) -> bytes:
    return stream + b"\0" * (len(stream) % 2)


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS, ids=lambda value: getattr(value, "name", ""))
def test_what_stands_in_unused_bits_of_a_stream_does_not_count(syntax, encode) -> None:
    dirty = ramp() | (np.arange(48) % 16 << 12).astype(np.uint16)
    image = read_image(compressed(ramp(), syntax, [encode(dirty)], **TWELVE))
    assert np.array_equal(image.pixels, ramp())


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS[:3], ids=lambda value: getattr(value, "name", ""))
def test_unused_bit_that_is_hardly_above_the_others_does_not_count_where_nothing_was_lost(
    syntax, encode
) -> None:
    faint = np.where(ramp() < 100, ramp() | 4096, ramp()).astype(np.uint16)
    image = read_image(compressed(ramp(), syntax, [encode(faint)], **TWELVE))
    assert np.array_equal(image.pixels, ramp())


def test_signed_jpeg_ls_whose_sign_ends_with_the_stored_bits_keeps_it() -> None:
    values = ramp().astype(np.int16) - 2000
    stream = imagecodecs.jpegls_encode((values & 0xFFF).astype(np.uint16))
    for syntax in (uid.JPEGLSLossless, uid.JPEGLSNearLossless):
        image = read_image(compressed(values, syntax, [stream], **TWELVE))
        assert np.array_equal(modality(image), values)


def test_lossy_stream_that_goes_a_little_too_far_turns_no_white_into_black() -> None:
    image = read_image(compressed(ramp(), uid.JPEG2000, [j2k(ramp() + 110)], **TWELVE))
    assert np.array_equal(image.pixels, ramp() + 110)


@pytest.mark.parametrize(
    ("said", "encode"),
    [
        (uid.JPEGBaseline8Bit, imagecodecs.ljpeg_encode),
        (uid.JPEG2000Lossless, imagecodecs.jpegls_encode),
        (uid.JPEGLosslessSV1, j2k),
        (uid.ExplicitVRLittleEndian, j2k),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_stream_of_another_kind_than_the_file_says_is_read(said, encode) -> None:
    image = read_image(encapsulated(item(b"") + item(even(bytes(encode(ramp())))), syntax=said))
    assert np.array_equal(image.pixels, ramp())


def test_stream_behind_a_long_table_of_offsets_is_told_too() -> None:
    stream = even(j2k(ramp()))
    payload = item(bytes(6000)) + item(stream)
    assert np.array_equal(read_image(encapsulated(payload, syntax=uid.JPEGLSLossless)).pixels, ramp())


def test_plain_pixels_of_a_file_that_says_they_are_compressed_are_read() -> None:
    made = dataset(ramp())
    data = written(made).replace(uid.ExplicitVRLittleEndian.encode() + b"\0", b"1.2.840.10008.1.2.4.90")
    length = struct.unpack_from("<I", data, 140)[0]
    # Two bytes more, in the element and in its group.
    data = data[:140] + struct.pack("<I", length + 2) + data[144:]
    data = data.replace(b"\x02\x00\x10\x00UI\x14\x00", b"\x02\x00\x10\x00UI\x16\x00")
    assert np.array_equal(read_image(data).pixels, ramp())


def test_baseline_jpeg_has_8_bits_whatever_the_file_says() -> None:
    grey = ramp(top=250).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(grey, level=100)
    image = read_image(compressed(ramp(), uid.JPEGBaseline8Bit, [stream], **TWELVE))
    assert image.pixels.dtype == np.uint8
    assert np.abs(image.pixels.astype(int) - grey).max() <= 3


@pytest.mark.parametrize("offsets", [[4, 9], [0], [0, 0xFFFFFFF0], [0, 4, 8]])
def test_table_of_offsets_that_leads_to_no_frame_is_not_followed(offsets) -> None:
    first, second = (even(j2k(ramp() + more)) for more in (0, 7))
    payload = item(struct.pack(f"<{len(offsets)}I", *offsets)) + item(first) + item(second)
    images = list(read_images(encapsulated(payload, frames=2)))
    for image, more in zip(images, (0, 7), strict=True):
        assert np.array_equal(image.pixels, ramp() + more)


def test_file_that_ends_inside_of_compressed_pixels_is_damaged_and_no_other_object() -> None:
    whole = compressed(ramp(), uid.JPEG2000Lossless, [even(j2k(ramp()))], **TWELVE)
    assert np.array_equal(read_image(whole[:-8]).pixels, ramp())  # the delimiter alone is missing
    for left in (200, 12):
        assert refusal(whole[:-left]).code == "truncated"


def test_deflated_file_with_the_head_of_zlib_is_read() -> None:
    plain = dicom(ramp())
    made = dataset(ramp())
    made.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    deflated = written(made)
    meta = 144 + int(struct.unpack_from("<I", deflated, 140)[0])
    body = plain[144 + int(struct.unpack_from("<I", plain, 140)[0]) :]
    assert np.array_equal(read_image(deflated[:meta] + zlib.compress(body)).pixels, ramp())
