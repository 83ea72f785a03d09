"""DICOM pictures, pixel by pixel against values that are computed here."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmwrite, uid
from pydicom.pixels.decoders import base as decoders
from pydicom.pixels.decoders import gdcm

from inference.errors import ImageError
from inference.formats import read_image, read_images
from inference.formats.base import Original
from inference.formats.guarded import read_image_guarded, read_images_guarded
from inference.geometry import Geometry, turned_back
from tests.inference.dicoms import (
    compressed,
    dataset,
    dicom,
    in_space,
    item,
    ramp,
    sequence,
    table,
    written,
)

SHAPE = (40, 48)


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        list(read_images(data))
    return caught.value


def codes(image) -> list[str]:
    return [notice.code for notice in image.notices]


def modality(image) -> np.ndarray:
    assert image.intensity.slope is not None
    assert image.intensity.intercept is not None
    return image.pixels * image.intensity.slope + image.intensity.intercept


def windowed(pixels: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    low, high = window
    return np.clip((pixels.astype(float) - low) / (high - low), 0, 1)


# --- Transfer syntaxes ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2"])
@pytest.mark.parametrize(
    ("syntax", "options"),
    [
        (uid.ImplicitVRLittleEndian, {}),
        (uid.ExplicitVRLittleEndian, {}),
        (uid.DeflatedExplicitVRLittleEndian, {}),
        (uid.RLELossless, {}),
        (uid.JPEG2000Lossless, {}),
        (uid.JPEGLSLossless, {}),
    ],
    ids=["implicit", "explicit", "deflated", "RLE", "J2K", "JPEG-LS"],
)
def test_lossless_syntax_gives_the_stored_values(syntax, options, dtype) -> None:
    values = (ramp(top=250) if dtype == "u1" else ramp()).astype(dtype)
    if dtype == "i2":
        values -= 1000
    made = dataset(values)
    if syntax.is_encapsulated:
        made.compress(syntax, generate_instance_uid=False)
    else:
        made.file_meta.TransferSyntaxUID = syntax
    image = read_image(written(made))
    assert np.array_equal(modality(image), values)
    assert image.pixels.dtype == (np.uint8 if dtype == "u1" else np.uint16)


def test_big_endian_gives_the_stored_values() -> None:
    made = dataset(ramp().astype(">u2"))
    made.file_meta.TransferSyntaxUID = uid.ExplicitVRBigEndian
    stream = io.BytesIO()
    dcmwrite(stream, made, implicit_vr=False, little_endian=False, force_encoding=True)
    assert np.array_equal(read_image(stream.getvalue()).pixels, ramp())


@pytest.mark.parametrize("syntax", [uid.JPEGLossless, uid.JPEGLosslessSV1])
def test_lossless_jpeg_gives_the_stored_values(syntax) -> None:
    data = compressed(ramp(), syntax, [imagecodecs.ljpeg_encode(ramp())])
    assert np.array_equal(read_image(data).pixels, ramp())


def test_baseline_and_extended_jpeg_are_near_the_stored_values() -> None:
    eight, twelve = ramp(top=250).astype(np.uint8), ramp(top=4000)
    baseline = compressed(eight, uid.JPEGBaseline8Bit, [imagecodecs.jpeg_encode(eight, level=100)])
    extended = compressed(
        twelve,
        uid.JPEGExtended12Bit,
        [imagecodecs.jpeg_encode(twelve, level=100, bitspersample=12)],
        BitsStored=12,
        HighBit=11,
    )
    assert np.abs(read_image(baseline).pixels.astype(int) - eight).max() <= 2
    assert np.abs(read_image(extended).pixels.astype(int) - twelve).max() <= 8


def test_signed_j2k_whose_codestream_says_unsigned_keeps_its_sign() -> None:
    values = ramp().astype(np.int16) - 1000
    unsigned = (values & 0x1FFF).astype(np.uint16)
    made = dataset(unsigned, BitsStored=13, HighBit=12)
    made.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    made.PixelRepresentation = 1
    image = read_image(written(made))
    assert np.array_equal(modality(image), values)


@pytest.mark.parametrize(
    "head",
    [b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"\x1f\x8b\x08"],
)
def test_head_of_another_format_in_the_preamble_makes_no_other(head) -> None:
    data = head + dicom(ramp())[len(head) :]
    assert np.array_equal(read_image(data).pixels, ramp())


@pytest.mark.parametrize("kind", ["no preamble", "no meta", "no meta, implicit", "no preamble, meta"])
def test_file_without_its_head_is_read(kind) -> None:
    made = dataset(ramp())
    whole = written(made)
    if kind == "no preamble":
        data = whole[128:]
    elif kind == "no preamble, meta":
        data = whole[132:]
    else:
        stream = io.BytesIO()
        del made.file_meta
        made.save_as(stream, implicit_vr="implicit" in kind, little_endian=True)
        data = stream.getvalue()
    assert np.array_equal(read_image(data).pixels, ramp())


def test_codestream_without_meta_is_told_by_its_first_bytes() -> None:
    made = dataset(ramp())
    made.compress(uid.JPEG2000Lossless, generate_instance_uid=False)
    whole = written(made)
    start = whole.index(b"\x08\x00\x08\x00CS")
    assert np.array_equal(read_image(whole[start:]).pixels, ramp())


def test_odd_lengths_are_read() -> None:
    values = np.arange(33 * 35, dtype=np.uint16).reshape(33, 35).astype(np.uint8)
    data = dicom(values, PatientID="odd").replace(b"LO\x04\x00odd ", b"LO\x03\x00odd")
    cut = data.rindex(b"\xe0\x7f\x10\x00")
    odd = data[: cut + 8] + struct.pack("<I", values.size) + values.tobytes()
    assert np.array_equal(read_image(odd).pixels, values)


# --- Values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("stored", "high"), [(12, 11), (12, 15), (10, 12)])
@pytest.mark.parametrize("signed", [False, True])
def test_what_stands_in_unused_bits_does_not_count(stored, high, signed) -> None:
    values = ramp(top=2 ** (stored - 1) - 1).astype(np.int64) - (300 if signed else 0)
    shift = high - stored + 1
    noise = np.random.default_rng(1).integers(0, 2**16, SHAPE)
    used = ((1 << stored) - 1) << shift
    raw = (((values & ((1 << stored) - 1)) << shift) | (noise & ~used)).astype(np.uint16)
    image = read_image(dicom(raw, BitsStored=stored, HighBit=high, PixelRepresentation=int(signed)))
    assert np.array_equal(modality(image), values)


def test_monochrome1_is_turned_over() -> None:
    image = read_image(dicom(ramp(), PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11))
    assert np.array_equal(image.pixels, 4095 - ramp())
    assert (image.intensity.slope, image.intensity.intercept) == (-1, 4095)


def test_monochrome1_in_small_letters_is_turned_over_too() -> None:
    image = read_image(dicom(ramp(), PhotometricInterpretation="monochrome1 "))
    assert np.array_equal(image.pixels, 65535 - ramp())


def test_window_of_monochrome1_is_turned_over_after_it_was_applied() -> None:
    elements = {"WindowCenter": 1000, "WindowWidth": 401, "BitsStored": 12, "HighBit": 11}
    image = read_image(dicom(ramp(), PhotometricInterpretation="MONOCHROME1", **elements))
    shown = windowed(image.pixels, image.intensity.windows[0])
    assert np.allclose(shown, 1 - windowed(ramp(), (799.5, 1199.5)))


def test_rescale_is_told_and_a_negative_slope_turns_over() -> None:
    image = read_image(dicom(ramp(), RescaleSlope="-2", RescaleIntercept="100", BitsStored=12, HighBit=11))
    assert np.array_equal(image.pixels, 4095 - ramp())
    assert np.array_equal(modality(image), ramp().astype(float) * -2 + 100)


@pytest.mark.parametrize(
    ("function", "ends"),
    [(None, (1799.5, 2199.5)), ("LINEAR", (1799.5, 2199.5)), ("LINEAR_EXACT", (1799.5, 2200.5))],
)
def test_window_is_told_in_greys(function, ends) -> None:
    """Of modality values, which are 2 * stored + 100 here."""
    width = 401
    elements = {"WindowCenter": 2000, "WindowWidth": width, "RescaleSlope": 2, "RescaleIntercept": 100}
    if function:
        elements["VOILUTFunction"] = function
    (window,) = read_image(dicom(ramp(), **elements)).intensity.windows
    assert window == tuple((end - 100) / 2 for end in ends)


@pytest.mark.parametrize(
    "elements",
    [
        {"RescaleSlope": "1e308", "RescaleIntercept": "1e308", "WindowCenter": 1, "WindowWidth": 5},
        {"RescaleSlope": "1e-308", "RescaleIntercept": "0", "WindowCenter": "1e300", "WindowWidth": "1e300"},
        {"WindowCenter": "nan", "WindowWidth": "inf"},
    ],
)
def test_numbers_that_nobody_can_store_are_not_told(elements) -> None:
    image = read_image(dicom(ramp(), **elements))
    told = [image.intensity.slope, image.intensity.intercept, *sum(image.intensity.windows, ())]
    assert all(number is None or np.isfinite(number) for number in told)
    assert np.array_equal(image.pixels, ramp())


def test_several_windows_are_all_told_the_first_one_first() -> None:
    image = read_image(dicom(ramp(), WindowCenter=[100, 1000], WindowWidth=[51, 101]))
    assert image.intensity.windows == ((74.5, 124.5), (949.5, 1049.5))


@pytest.mark.parametrize("width", [0, -400])
def test_sigmoid_without_a_width_is_none(width) -> None:
    image = read_image(dicom(ramp(), WindowCenter=1000, WindowWidth=width, VOILUTFunction="SIGMOID"))
    assert np.array_equal(modality(image), ramp())
    assert (image.intensity.windows, codes(image)) == ((), [])


def test_sigmoid_is_applied() -> None:
    data = dicom(ramp(), WindowCenter=2000, WindowWidth=800, VOILUTFunction="SIGMOID")
    image = read_image(data)
    expected = 65535 / (1 + np.exp(-4 * (ramp().astype(float) - 2000) / 800))
    assert np.array_equal(image.pixels, np.rint(expected).astype(np.uint16))
    assert codes(image) == ["voi_applied"]
    assert image.intensity.windows == ((0, 65535),)


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "MONOCHROME1"])
def test_voi_table_is_applied_after_the_modality_table(photometric) -> None:
    halves = [value // 2 for value in range(4096)]
    curve = [round(4095 * (value / 2047) ** 2) for value in range(2048)]
    data = dicom(
        ramp(),
        PhotometricInterpretation=photometric,
        ModalityLUTSequence=table(halves, 0, 16),
        VOILUTSequence=table(curve, 0, 12),
    )
    image = read_image(data)
    expected = np.array(curve)[np.array(halves)[ramp()]] / 4095
    expected = expected if photometric == "MONOCHROME2" else 1 - expected
    assert np.array_equal(image.pixels, np.rint(expected * 65535).astype(np.uint16))


def test_modality_table_begins_at_its_first_value_and_ends_at_its_last() -> None:
    data = dicom(ramp(), ModalityLUTSequence=table([7, 500, 1000], 1000, 16))
    expected = np.where(ramp() <= 1000, 7, np.where(ramp() == 1001, 500, 1000))
    assert np.array_equal(read_image(data).pixels, expected)


def test_padding_is_shown_black_and_widens_nothing() -> None:
    values = ramp().astype(np.int16) + 50
    values[:5] = -2000
    image = read_image(dicom(values, PixelPaddingValue=-2000))
    assert np.array_equal(image.pixels[5:], values[5:])
    assert set(image.pixels[:5].ravel()) == {values[5:].min()}
    assert codes(image) == ["padding_blanked"]


def test_range_of_padding_is_shown_black_in_monochrome1_too() -> None:
    values = ramp(top=3000)
    values[0, :10], values[1, :10] = 4000, 4090
    image = read_image(
        dicom(
            values,
            PhotometricInterpretation="MONOCHROME1",
            BitsStored=12,
            HighBit=11,
            PixelPaddingValue=4090,
            PixelPaddingRangeLimit=4000,
        )
    )
    darkest = 4095 - values[2:].max()
    assert set(image.pixels[:2, :10].ravel()) == {darkest}


def test_values_of_32_bits_are_scaled_to_16() -> None:
    values = ramp().astype(np.uint32) * 100_000
    image = read_image(dicom(values))
    assert np.abs(modality(image) - values).max() <= 3050
    assert codes(image) == ["values_scaled"]


def test_one_outlier_leaves_values_of_32_bits_and_floats_their_greys() -> None:
    values = ramp().astype(np.int32)
    values[5, 6] = 2**31 - 1
    floats = values.astype(np.float32)
    made = dataset(values, PixelData=None, FloatPixelData=floats.tobytes())
    for image in (read_image(dicom(values)), read_image(written(made))):
        off = np.abs(modality(image) - ramp())
        assert np.delete(off.ravel(), 5 * 48 + 6).max() <= 0.5
        assert image.pixels[5, 6] == image.pixels.max()
        assert "range_limited" in codes(image)


def test_value_that_stands_as_bytes_is_no_number() -> None:
    made = dataset(ramp())
    made.add_new(0x00280120, "OB", b"\0\1")
    assert codes(read_image(written(made))) == []


def test_palette_beside_greys_is_not_shown_and_it_is_said() -> None:
    made = dataset(ramp(), PixelPresentation="COLOR")
    for tag in (0x00281101, 0x00281102, 0x00281103):
        made.add_new(tag, "US", [256, 3840, 16])
    image = read_image(written(made))
    assert np.array_equal(image.pixels, ramp())
    assert codes(image) == ["colours_not_shown"]


def test_overlays_are_dropped_and_it_is_said() -> None:
    made = dataset(ramp())
    made.add_new(0x60003000, "OW", b"\xff" * 240)
    image = read_image(written(made))
    assert np.array_equal(image.pixels, ramp())
    assert codes(image) == ["overlays_dropped"]


# --- Colours -------------------------------------------------------------------------------------


def colours() -> np.ndarray:
    grey = ramp(top=250).astype(np.uint8)
    return np.stack([grey, grey[::-1], 255 - grey], axis=-1)


def test_colours_by_pixel_and_by_plane_are_the_same() -> None:
    planes = np.ascontiguousarray(colours().transpose(2, 0, 1))
    by_plane = dataset(colours(), PlanarConfiguration=1)
    by_plane.PixelData = planes.tobytes()
    assert np.array_equal(read_image(dicom(colours())).pixels, colours())
    assert np.array_equal(read_image(written(by_plane)).pixels, colours())


def test_luma_and_chroma_become_colours() -> None:
    ybr = np.empty((*SHAPE, 3), np.uint8)
    ybr[...] = (120, 90, 200)
    image = read_image(dicom(ybr, PhotometricInterpretation="YBR_FULL"))
    # PS3.3, C.7.6.3.1.2, solved for red, green and blue.
    red, green, blue = 120 + 1.402 * 72, 120 - 0.344136 * -38 - 0.714136 * 72, 120 + 1.772 * -38
    assert np.abs(image.pixels[0, 0].astype(float) - (red, green, blue)).max() <= 1


def test_palette_is_expanded() -> None:
    indices = np.tile(np.arange(48, dtype=np.uint8), (40, 1))
    made = dataset(indices, PhotometricInterpretation="PALETTE COLOR")
    for tag, factor in ((0x00281101, 1), (0x00281102, 2), (0x00281103, 3)):
        made.add_new(tag, "US", [64, 0, 16])
        made.add_new(tag + 0x100, "OW", (np.arange(64, dtype="<u2") * factor * 256).tobytes())
    image = read_image(written(made))
    assert np.array_equal(image.pixels[0], np.stack([np.arange(48) * factor for factor in (1, 2, 3)], -1))
    assert codes(image) == ["palette_expanded"]


# --- Place ---------------------------------------------------------------------------------------

R, L, A, P, S, I = (-1, 0, 0), (1, 0, 0), (0, -1, 0), (0, 1, 0), (0, 0, 1), (0, 0, -1)  # noqa: E741


@pytest.mark.parametrize(
    ("right", "down", "turn", "markers"),
    [
        (L, P, lambda p: p, ("R", "L", "A", "P")),
        (R, P, lambda p: p[:, ::-1], ("R", "L", "A", "P")),
        (L, A, lambda p: p[::-1], ("R", "L", "A", "P")),
        (P, L, lambda p: p.T, ("R", "L", "A", "P")),
        (A, R, lambda p: p.T[::-1, ::-1], ("R", "L", "A", "P")),
        (L, I, lambda p: p, ("R", "L", "S", "I")),
        (L, S, lambda p: p[::-1], ("R", "L", "S", "I")),
        (P, I, lambda p: p, ("A", "P", "S", "I")),
        (I, A, lambda p: p.T[:, ::-1], ("A", "P", "S", "I")),
        ((0.8, 0.6, 0), (-0.6, 0.8, 0), lambda p: p, ("RA", "LP", "AL", "PR")),
    ],
)
def test_slice_is_shown_as_radiologists_look_at_it(right, down, turn, markers) -> None:
    image = read_image(dicom(ramp(), **in_space(right, down, (10, 20, 30))))
    assert np.array_equal(image.pixels, turn(ramp()))
    assert image.geometry.markers == markers
    # The voxel at the file's own first pixel is still where the file says.
    row, column = np.argwhere(image.pixels == 0)[0]
    place = (
        np.array(image.geometry.position)
        + np.array(image.geometry.right) * column
        + np.array(image.geometry.down) * row
    )
    assert np.allclose(place, (10, 20, 30))


def test_orientation_that_the_file_does_not_tell_is_unknown_and_nothing_is_turned() -> None:
    image = read_image(dicom(ramp(), PixelSpacing=[0.5, 0.5]))
    assert np.array_equal(image.pixels, ramp())
    assert image.geometry.markers is None
    assert image.geometry.spacing == (0.5, 0.5)


@pytest.mark.parametrize("cosines", [[1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], [1, 0, 0]])
def test_orientation_that_cannot_be_is_unknown(cosines) -> None:
    image = read_image(dicom(ramp(), ImageOrientationPatient=cosines))
    assert image.geometry.right is None


def test_lengths_that_no_scanner_has_are_unknown() -> None:
    number = 8675309
    image = read_image(
        dicom(
            ramp(),
            ImagePositionPatient=[0, 0, number],
            PixelSpacing=[number, number],
            SliceThickness=number,
        )
    )
    assert image.geometry == Geometry()


def test_letters_alone_turn_the_picture_too() -> None:
    image = read_image(dicom(ramp(), PatientOrientation=["R", "P"]))
    assert np.array_equal(image.pixels, ramp()[:, ::-1])
    assert image.geometry.markers == ("R", "L", "A", "P")


def test_pixels_that_are_not_square_are_drawn_square() -> None:
    values = np.repeat(np.arange(40, dtype=np.uint16)[:, None] * 100, 48, axis=1)
    image = read_image(dicom(values, **in_space(L, P) | {"PixelSpacing": [2, 1]}))
    assert image.pixels.shape == (80, 48)
    assert image.geometry.spacing == (1, 1)
    assert image.geometry.position == (0, -0.5, 0)
    # A row a quarter and three quarters between its neighbours.
    assert [image.pixels[row, 5] for row in (1, 2, 3, 4)] == [25, 75, 125, 175]
    assert codes(image) == ["pixels_squared"]


def test_aspect_without_spacing_is_heard_too() -> None:
    assert read_image(dicom(ramp(), PixelAspectRatio=[1, 2])).pixels.shape == (40, 96)
    assert read_image(dicom(ramp(), PixelAspectRatio=[2, 1])).pixels.shape == (80, 48)


# --- Many frames ---------------------------------------------------------------------------------


def enhanced(slopes: list[float], **elements: Any) -> bytes:
    frames = np.stack([ramp() + 10 * place for place in range(len(slopes))])
    made = dataset(frames, NumberOfFrames=len(slopes), BitsStored=12, HighBit=11, **elements)
    made.SharedFunctionalGroupsSequence = sequence(
        PlaneOrientationSequence=sequence(ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
        PixelMeasuresSequence=sequence(PixelSpacing=[1, 1], SliceThickness=2),
    )
    made.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=sequence(ImagePositionPatient=[0, 0, 5 * place]),
            PixelValueTransformationSequence=sequence(RescaleSlope=slope, RescaleIntercept=place),
            FrameVOILUTSequence=sequence(WindowCenter=1000, WindowWidth=401),
        )
        for place, slope in enumerate(slopes)
    ]
    return written(made)


def test_frames_have_their_own_place_rescale_and_window() -> None:
    images = list(read_images(enhanced([1, 2.5, 4])))
    assert [image.geometry.position for image in images] == [(0, 0, 0), (0, 0, 5), (0, 0, 10)]
    assert [image.frame for image in images] == [0, 1, 2]
    for place, (slope, image) in enumerate(zip([1, 2.5, 4], images, strict=True)):
        assert image.intensity.slope == 1  # one scale for all
        assert np.abs(modality(image) - ((ramp() + 10 * place) * slope + place)).max() <= 0.5
        (window,) = image.intensity.windows
        assert np.allclose(np.array(window) + modality(image)[0, 0] - image.pixels[0, 0], (799.5, 1199.5))


def test_place_that_is_said_once_is_of_no_frame() -> None:
    frames = np.stack([ramp(), ramp() + 1])
    first, second = read_images(dicom(frames, NumberOfFrames=2, **in_space((1, 0, 0), (0, -1, 0))))
    assert first.geometry.position is second.geometry.position is None
    assert first.geometry.markers == second.geometry.markers == ("R", "L", "A", "P")


def test_frames_through_the_guard_are_the_same() -> None:
    data = enhanced([1, 2])
    plain, guarded = list(read_images(data)), list(read_images_guarded(data))
    for one, other in zip(plain, guarded, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert (one.geometry, one.intensity, one.source, one.frame, one.notices) == (
            other.geometry,
            other.intensity,
            other.source,
            other.frame,
            other.notices,
        )


def test_stream_that_is_left_in_the_middle_disturbs_no_other() -> None:
    images = read_images_guarded(enhanced([1, 2, 3]))
    next(images)
    images.close()
    assert np.array_equal(read_image_guarded(dicom(ramp())).pixels, ramp())


def test_several_frames_are_refused_where_one_picture_is_asked_for() -> None:
    with pytest.raises(ImageError) as caught:
        read_image(enhanced([1, 1]))
    assert caught.value.code == "several_frames"


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["SR", "KO", "PR", "RTSTRUCT", "RTDOSE", "SEG"])
def test_object_that_is_no_picture_is_refused_by_its_name(modality) -> None:
    error = refusal(dicom(ramp(), Modality=modality))
    assert error.code == "no_picture"
    assert str(error.facts["kind"]) in error.message


def test_file_without_pixels_is_refused() -> None:
    assert refusal(dicom(ramp(), PixelData=None)).code == "no_picture"


def test_mosaic_is_refused_in_words() -> None:
    error = refusal(dicom(ramp(), ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"]))
    assert error.code == "mosaic"
    assert "Enhanced MR" in error.message


def test_mosaic_whose_image_type_was_taken_away_is_refused_too() -> None:
    made = dataset(ramp())
    made.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", 36)
    assert refusal(written(made)).code == "mosaic"
    other = dataset(ramp())
    other.private_block(0x0019, "GEMS_ACQU_01", create=True).add_new(0x0A, "US", 36)
    assert np.array_equal(read_image(written(other)).pixels, ramp())


def test_directory_is_told_from_pictures() -> None:
    made = dataset(ramp(), PixelData=None, SOPClassUID=uid.MediaStorageDirectoryStorage)
    made.file_meta.MediaStorageSOPClassUID = uid.MediaStorageDirectoryStorage
    assert refusal(written(made)).code == "dicom_directory"


@pytest.mark.parametrize("left", [0, 2, 2000])
def test_pixels_that_are_cut_off_are_refused(left) -> None:
    data = dicom(ramp())
    start = len(data) - ramp().nbytes
    assert refusal(data[: start + left]).code == "truncated"


CODESTREAMS: dict[str, tuple[uid.UID, Any]] = {
    "lossless JPEG": (uid.JPEGLosslessSV1, imagecodecs.ljpeg_encode),
    "extended JPEG": (
        uid.JPEGExtended12Bit,
        lambda values: imagecodecs.jpeg_encode(values, bitspersample=12),
    ),
    "JPEG-LS": (uid.JPEGLSLossless, imagecodecs.jpegls_encode),
    "JPEG 2000": (uid.JPEG2000Lossless, partial(imagecodecs.jpeg2k_encode, level=0)),
}


@pytest.mark.parametrize("kind", CODESTREAMS)
def test_codestream_that_is_cut_off_or_of_another_size_is_refused(kind) -> None:
    syntax, encode = CODESTREAMS[kind]
    whole = bytes(encode(ramp()))
    fields = {"BitsStored": 12, "HighBit": 11}
    assert len(list(read_images(compressed(ramp(), syntax, [whole], **fields)))) == 1
    for part in (0.4, 0.95):
        cut = whole[: int(len(whole) * part) // 2 * 2]
        assert refusal(compressed(ramp(), syntax, [cut], **fields)).code == "truncated"
    assert refusal(compressed(ramp()[:33], syntax, [whole], **fields)).code == "truncated"


def test_missing_frames_are_refused_after_those_that_are_there() -> None:
    frames = np.stack([ramp(), ramp()])
    made = dataset(frames, NumberOfFrames=3)
    assert refusal(written(made)).code == "truncated"


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ({"Rows": 65535, "Columns": 65535}, "too_many_pixels"),
        ({"Rows": 8}, "too_small"),
        ({"NumberOfFrames": 2_000_000_000}, "too_many_images"),
        ({"NumberOfFrames": -1}, "too_many_images"),
        ({"PhotometricInterpretation": "CMYK"}, "colour_unsupported"),
    ],
)
def test_absurd_sizes_and_rare_kinds_are_refused(elements, code) -> None:
    assert refusal(dicom(ramp(), **elements)).code == code


def test_unknown_transfer_syntax_is_refused_by_its_name() -> None:
    data = compressed(ramp(), uid.MPEG2MPML, [b"\0" * 100])
    error = refusal(data)
    assert (error.code, error.facts["syntax"]) == ("unsupported_format", uid.MPEG2MPML.name)


def test_deflated_bomb_is_refused_before_it_is_unpacked() -> None:
    whole = dicom(ramp())
    start = whole.index(b"\x08\x00\x08\x00CS")
    head = whole[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99\0\0")
    # The value is four bytes longer now, and so is the group.
    at = head.index(b"UI", head.index(b"\x02\x00\x10\x00"))
    head = head[: at + 2] + struct.pack("<H", 22) + head[at + 4 :].replace(b".99\0\0", b".99")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(whole[start:]) + packer.compress(bytes(200 * 2**20)) + packer.flush()
    assert len(packed) < 2**20
    assert refusal(head + packed).code == "unpacks_to_too_much"


def test_damaged_files_decode_or_are_refused() -> None:
    data = bytearray(dicom(ramp(), **in_space(L, P)))
    random = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(data)
        for at in random.integers(0, 900, 4):
            damaged[at] = random.integers(0, 256)
        try:
            list(read_images(bytes(damaged)))
        except ImageError:
            continue


# --- Words ---------------------------------------------------------------------------------------


def test_source_tells_the_door_what_it_needs_and_keeps_no_free_text() -> None:
    image = read_image(
        dicom(
            ramp(),
            EchoTime=90,
            ImageType=["ORIGINAL", "PRIMARY", "DOE", "LOCALIZER"],
            BodyPartExamined="DOE",
            StudyDescription="Doe",
            BurnedInAnnotation="YES",
            InstanceNumber=7,
        )
    )
    source = image.source
    assert (source.patient, source.number, source.modality) == ("P1", 7, "MR")
    assert (source.burned_in, source.is_localizer) == ("yes", True)
    assert source.kept["ImageType"] == "ORIGINAL\\PRIMARY\\LOCALIZER"
    assert source.kept["EchoTime"] == 90
    assert "DOE" not in str(source.kept).upper()


def test_screen_copy_that_does_not_say_is_under_suspicion() -> None:
    assert read_image(dicom(ramp(), SOPClassUID=uid.SecondaryCaptureImageStorage)).source.burned_in == "maybe"
    said = dicom(ramp(), SOPClassUID=uid.SecondaryCaptureImageStorage, BurnedInAnnotation="NO")
    assert read_image(said).source.burned_in == ""


def test_gdcm_is_asked_for_lossless_jpeg_alone(monkeypatch) -> None:
    """It throws through C++ on some damaged codestreams, which ends the process."""
    asked = []
    decode = gdcm._decode_frame

    def counted(source, runner):
        asked.append(runner.transfer_syntax)
        return decode(source, runner)

    for decoder in decoders._PIXEL_DATA_DECODERS.values():
        if "gdcm" in decoder[0]._available:
            monkeypatch.setitem(decoder[0]._available, "gdcm", counted)
    for syntax in (uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.RLELossless):
        made = dataset(ramp())
        made.compress(syntax, generate_instance_uid=False)
        damaged = bytearray(written(made))
        damaged[-900:-800] = bytes(100)
        with contextlib.suppress(ImageError):
            read_image(bytes(damaged))
    assert asked == []
    read_image(compressed(ramp(), uid.JPEGLosslessSV1, [imagecodecs.ljpeg_encode(ramp())]))
    assert asked == [uid.JPEGLosslessSV1]


# --- What leads back to the archive --------------------------------------------------------------


@pytest.mark.parametrize("spacing", [[1, 1], [2, 1], [1, 3]])
@pytest.mark.parametrize("right", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0)])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_points_of_the_picture_lead_back_to_the_pixels_of_the_file(right, spacing, is_mirrored) -> None:
    """All eight ways a slice may lie; where pixels are not square, each of the file's has several."""
    down = np.cross((0, 0, -1 if is_mirrored else 1), right)
    stored = ramp()
    place = in_space(right, tuple(map(float, down))) | {"PixelSpacing": spacing}
    (image,) = read_images(dicom(stored, **place, BitsStored=12, HighBit=11))
    original = image.source.original
    assert (original.rows, original.columns, original.frame) == (40, 48, 0)
    rows, columns = np.mgrid[0 : image.height, 0 : image.width]
    middles = np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)
    found = turned_back(middles, original.way, (image.height, image.width), (40, 48))
    x, y = np.floor(found).astype(int).T
    difference = np.abs(modality(image).ravel() - stored[y, x])
    # Between two rows of the file a picture with more of them lies between two values.
    assert difference.max() <= (0 if spacing == [1, 1] else 0.5 + 48 * 4000 / (40 * 48) / 2)
    corners = turned_back(
        np.array([[0, 0], [image.width, image.height]], float),
        original.way,
        (image.height, image.width),
        (40, 48),
    )
    assert sorted(corners[:, 0]) == [0, 48]
    assert sorted(corners[:, 1]) == [0, 40]


def test_original_names_each_frame_and_nothing_that_is_no_identifier() -> None:
    named = {"PatientID": "MRN-1", "StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.4"}
    first, second = (
        image.source.original for image in read_images(enhanced([1, 2], SOPInstanceUID="1.2.5", **named))
    )
    assert first == Original(
        patient="MRN-1",
        issuer="",
        study="1.2.3",
        series="1.2.4",
        instance="1.2.5",
        sop_class=uid.MRImageStorage,
        frame=1,
        rows=40,
        columns=48,
        way=(False, False, False),
    )
    assert second.frame == 2
    assert read_image(dicom(ramp(), StudyInstanceUID=None)).source.original is None
