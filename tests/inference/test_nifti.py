"""NIfTI volumes: an asymmetric phantom, whose voxels say where in the patient they are."""

from __future__ import annotations

import gzip
import io
import itertools
import struct
import tracemalloc

import nibabel as nib
import numpy as np
import pytest

from inference.errors import ImageError
from inference.formats import Limits, nifti, read_image, read_images
from inference.formats.guarded import read_images_guarded

SIZES = (40, 44, 36)


def phantom(shape=SIZES, dtype=np.uint16) -> np.ndarray:
    """Its own index in each voxel."""
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


def nii(values: np.ndarray, affine=None, kind=nib.Nifti1Image, change=None) -> bytes:
    data: bytes = kind(values, np.eye(4) if affine is None else affine).to_bytes()
    if change is None:
        return data
    header = kind.header_class.from_fileobj(io.BytesIO(data))
    change(header)  # in the bytes: the class would write its own affine over it
    return bytes(header.binaryblock) + data[len(header.binaryblock) :]


def modality(image) -> np.ndarray:
    assert image.intensity.slope is not None
    assert image.intensity.intercept is not None
    return image.pixels * image.intensity.slope + image.intensity.intercept


def oriented(codes: str, steps=(1.0, 1.0, 1.0)) -> np.ndarray:
    """The affine of a volume whose axes grow to these ends, such as LAS."""
    affine = np.zeros((4, 4))
    for axis, letter in enumerate(codes):
        line = "RAS".find(letter) if letter in "RAS" else "LPI".find(letter)
        affine[line, axis] = steps[axis] * (1 if letter in "RAS" else -1)
    affine[:3, 3], affine[3, 3] = (7, -11, 13), 1
    return affine


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        list(read_images(data))
    return caught.value


ORIENTATIONS = [
    "".join(letters)
    for axes in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*axes)
]


@pytest.mark.parametrize("codes", ORIENTATIONS)
def test_every_orientation_shows_the_patients_right_on_the_left(codes) -> None:
    affine, values = oriented(codes), phantom()
    images = list(read_images(nii(values, affine)))
    inverse = np.linalg.inv(affine)
    for image in (images[0], images[-1]):
        assert image.geometry.markers == ("R", "L", "A", "P")  # isotropic: axial
        geometry = image.geometry
        for row, column in ((0, 0), (0, 5), (9, 3)):
            place = (
                np.array(geometry.position)
                + np.array(geometry.right) * column
                + np.array(geometry.down) * row
            )
            voxel = np.rint(inverse @ [-place[0], -place[1], place[2], 1])[:3].astype(int)
            assert modality(image)[row, column] == values[tuple(voxel)]


def test_slices_lie_across_the_longest_step() -> None:
    images = list(read_images(nii(phantom(), oriented("RAS", (1, 4, 1)))))
    assert len(images) == SIZES[1]
    assert images[0].geometry.markers == ("R", "L", "S", "I")
    assert images[0].geometry.thickness == 4
    # z of the file grows upwards, so that its first row is at the bottom; x grows to the right, on the left.
    assert np.array_equal(images[3].pixels, phantom()[::-1, 3, ::-1].T)


def test_sform_comes_before_qform() -> None:
    def change(header) -> None:
        header.set_sform(oriented("LAS"), 1)
        header.set_qform(oriented("RAS"), 1)

    image = next(read_images(nii(phantom(), change=change)))
    assert np.array_equal(image.pixels, phantom()[:, ::-1, 0].T)


def test_qform_is_taken_where_no_sform_is_and_nothing_where_neither_is() -> None:
    def only_qform(header) -> None:
        header.set_sform(None, 0)
        header.set_qform(oriented("RAS"), 1)

    def neither(header) -> None:
        header.set_sform(None, 0)
        header.set_qform(None, 0)

    known = next(read_images(nii(phantom(), change=only_qform)))
    unknown = next(read_images(nii(phantom(), change=neither)))
    assert np.array_equal(known.pixels, phantom()[::-1, ::-1, 0].T)
    assert unknown.geometry.markers is None
    assert np.array_equal(unknown.pixels, phantom()[:, :, 0].T)


@pytest.mark.parametrize("number", [0.0, np.nan])
def test_qform_is_taken_where_the_sform_is_no_place(number) -> None:
    def change(header) -> None:
        header.set_qform(oriented("LPS"), 1)
        header["sform_code"] = 1
        for line in ("srow_x", "srow_y", "srow_z"):
            header[line] = number

    image = next(read_images(nii(phantom(), change=change)))
    assert image.geometry.position == (-7, 11, 13)


def test_pixels_that_are_not_square_are_drawn_square() -> None:
    image = next(read_images(nii(phantom(), oriented("LPS", (1, 2, 5)))))
    assert image.pixels.shape == (88, 40)
    assert image.geometry.spacing == (1, 1)


def test_unknown_orientation_leaves_the_size_of_a_voxel() -> None:
    def change(header) -> None:
        header.set_sform(None, 0)
        header.set_qform(None, 0)
        header["pixdim"][1:4] = (1, 2, 5)

    image = next(read_images(nii(phantom(), change=change)))
    assert image.geometry.markers is None
    assert image.pixels.shape == (88, 40)
    assert (image.geometry.spacing, image.geometry.thickness) == ((1, 1), 5)


def test_sign_of_zero_in_the_qform_is_one() -> None:
    def change(header) -> None:
        header.set_sform(None, 0)
        header.set_qform(oriented("RAS"), 1)
        header["pixdim"][0] = 0

    image = next(read_images(nii(phantom(), change=change)))
    assert np.array_equal(image.pixels, phantom()[::-1, ::-1, 0].T)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", [nib.Nifti1Image, nib.Nifti2Image])
@pytest.mark.parametrize("dtype", ["<u1", "<i2", ">i2", "<u2", "<i4", "<f4", ">f8"])
def test_every_type_keeps_its_values(dtype, kind, packed) -> None:
    values = (phantom() % 251).astype(dtype)
    data = nii(values, oriented("LPS"), kind)
    images = list(read_images(gzip.compress(data) if packed else data))
    for place, image in enumerate(images):
        assert np.allclose(modality(image), values[:, :, place].T, atol=0.01)
    assert images[0].pixels.dtype == (np.uint8 if dtype == "<u1" else np.uint16)


def test_scale_is_told_and_a_negative_one_turns_over() -> None:
    data = bytearray(nii(phantom(), oriented("LPS")))
    struct.pack_into("<ff", data, 112, -2, 5)
    image = next(read_images(bytes(data)))
    assert np.allclose(modality(image), phantom()[:, :, 0].T.astype(float) * -2 + 5)
    assert image.pixels[0, 0] > image.pixels[1, 0]


def test_display_range_of_the_file_is_a_window() -> None:
    def change(header) -> None:
        header["cal_min"], header["cal_max"] = 100, 300

    assert next(read_images(nii(phantom(), change=change))).intensity.windows == ((100, 300),)


def test_values_that_are_not_numbers_are_black_and_it_is_said() -> None:
    values = phantom().astype(np.float32) + 10
    values[0, 0, 0], values[1, 0, 0] = np.nan, np.inf
    image = next(read_images(nii(values, oriented("LPS"))))
    assert image.pixels[0, 0] == image.pixels[0, 1] == 0
    assert {"not_numbers_blanked", "floats_scaled"} <= {notice.code for notice in image.notices}
    assert refusal(nii(np.full(SIZES, np.nan, np.float32))).code == "colour_unsupported"


def test_values_beyond_what_numbers_hold_are_refused_or_told_without_them() -> None:
    values = np.where(phantom() % 2, 1.7e308, -1.7e308)
    assert refusal(nii(values)).code == "colour_unsupported"
    data = bytearray(nii(phantom()))
    struct.pack_into("<ff", data, 112, 3e38, 3e38)
    assert np.isfinite(next(read_images(bytes(data))).intensity.slope)


@pytest.mark.parametrize(
    ("kind", "outlier"), [(np.float32, 3e38), (np.float32, -1e9), (np.float64, 1e300), (np.int32, 2**31 - 1)]
)
def test_one_outlier_leaves_a_volume_its_greys(kind, outlier) -> None:
    values = phantom().astype(kind)
    values[3, 4, 0] = outlier
    image = next(read_images(nii(values, oriented("LPS"))))
    others = np.ones((44, 40), bool)
    others[4, 3] = False
    assert np.abs(modality(image) - phantom()[:, :, 0].T)[others].max() <= 1
    assert image.pixels[4, 3] in (0, 65535)
    assert "range_limited" in {notice.code for notice in image.notices}


def test_bright_spot_that_leaves_the_others_their_greys_is_kept() -> None:
    values = (phantom() % 1000).astype(np.float32)
    values[3, 4, 0] = 30_000
    image = next(read_images(nii(values, oriented("LPS"))))
    assert modality(image)[4, 3] == 30_000
    assert [notice.code for notice in image.notices] == ["floats_scaled"]


def test_colours_of_24_bits_are_kept() -> None:
    cells = np.zeros(SIZES, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    cells["R"], cells["G"], cells["B"] = phantom() % 200, 7, phantom() % 31
    image = next(read_images(nii(cells, oriented("LPS"))))
    for channel, name in enumerate("RGB"):
        assert np.array_equal(image.pixels[..., channel], cells[name][:, :, 0].T)


def test_transparency_of_32_bits_is_laid_over_black() -> None:
    cells = np.zeros(SIZES, [("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])
    cells["R"], cells["G"], cells["A"] = phantom() % 200, 7, 255
    cells["A"][:10] = 0
    image = next(read_images(nii(cells, oriented("LPS"))))
    assert not image.pixels[:, :10].any()
    assert np.array_equal(image.pixels[:, 10:, 0], cells["R"][10:, :, 0].T)
    assert [notice.code for notice in image.notices] == ["alpha_removed"]
    cells["A"] = 255
    assert next(read_images(nii(cells, oriented("LPS")))).notices == ()


def test_sheared_volume_is_shown_as_stored_and_its_place_is_unknown() -> None:
    affine = oriented("LPS")
    affine[0, 2] = 0.4
    image = next(read_images(nii(phantom(), affine)))
    assert image.geometry.markers is None
    assert [notice.code for notice in image.notices] == ["volume_sheared"]


def test_several_volumes_are_refused_with_their_number() -> None:
    error = refusal(nii(np.zeros((40, 40, 3, 5), np.int16)))
    assert (error.code, error.facts["volumes"]) == ("several_volumes", 5)


@pytest.mark.parametrize("kind", [np.int16, np.float32])
def test_chosen_volume_of_several_is_read_with_places_of_its_own(kind) -> None:
    data = nii(np.stack([phantom() + 100 * number for number in range(4)], axis=3).astype(kind))
    alone = list(read_images(nii((phantom() + 200).astype(kind))))
    chosen = list(read_images(data, Limits(volume=3)))
    assert len(chosen) == len(alone)
    for image, expected in zip(chosen, alone, strict=True):
        assert np.array_equal(image.pixels, expected.pixels)
        assert image.geometry == expected.geometry
        assert image.intensity == expected.intensity
        assert image.frame == expected.frame + 2 * len(alone)


def test_axes_behind_the_fourth_count_on() -> None:
    values = np.stack([phantom() + 100 * number for number in range(6)], axis=3)
    data = nii(values.reshape((*values.shape[:3], 2, 3), order="F"))
    (image, *_) = read_images(data, Limits(volume=4))
    (expected, *_) = read_images(nii(phantom() + 300))
    assert np.array_equal(image.pixels, expected.pixels)


@pytest.mark.parametrize("volume", [5, 2**40])
def test_volume_that_is_not_there_is_refused_with_their_number(volume) -> None:
    with pytest.raises(ImageError) as caught:
        list(read_images(nii(np.zeros((40, 40, 3, 4), np.int16)), Limits(volume=volume)))
    assert caught.value.code == "volume_missing"
    assert "from 1 to 4" in caught.value.message


def test_choice_of_a_volume_says_nothing_where_there_is_one() -> None:
    (image, *_) = read_images(nii(phantom()), Limits(volume=3))
    assert image.frame == 0


@pytest.mark.parametrize("codes", ["LPS", "SLP", "PSL"])
def test_each_slice_costs_its_own_memory_and_not_that_of_the_volume(codes) -> None:
    data = nii(phantom((100, 100, 100), np.int32), oriented(codes))
    images = read_images(data)
    next(images)
    tracemalloc.start()
    for image in images:
        assert image.pixels.shape == (100, 100)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100**3  # a quarter of the volume


def test_one_slice_is_a_picture_and_many_are_not() -> None:
    assert read_image(nii(phantom((40, 40, 1)))).pixels.shape == (40, 40)
    with pytest.raises(ImageError) as caught:
        read_image(nii(phantom()))
    assert caught.value.code == "several_frames"


def test_pair_is_read_as_one_file_and_half_of_it_is_refused() -> None:
    image = nib.Nifti1Pair(phantom(), oriented("LPS"))
    files = {name: nib.FileHolder(fileobj=io.BytesIO()) for name in ("header", "image")}
    image.to_file_map(files)
    header, pixels = (files[name].fileobj.getvalue() for name in ("header", "image"))
    assert refusal(header).code == "half_a_pair"
    assert nifti.is_half(header)
    joined = next(read_images(nifti.join_pair(header, pixels)))
    assert np.array_equal(joined.pixels, phantom()[:, :, 0].T)


@pytest.mark.parametrize("left", [100, 360, 5000])
def test_volume_that_is_cut_off_is_refused(left) -> None:
    assert refusal(nii(phantom())[:left]).code in ("truncated", "not_an_image")


def test_bomb_is_refused_before_it_is_unpacked() -> None:
    stream = io.BytesIO()
    with gzip.GzipFile(fileobj=stream, mode="wb") as packed:
        packed.write(nii(np.zeros((64, 64, 64), np.int16)))
        for _ in range(100):
            packed.write(bytes(2**20))
    assert len(stream.getvalue()) < 2**20
    assert refusal(stream.getvalue()).code == "unpacks_to_too_much"


def test_absurd_dimensions_are_refused() -> None:
    data = bytearray(nii(phantom()))
    data[42:44] = (30000).to_bytes(2, "little")
    assert refusal(bytes(data)).code == "truncated"


def test_gzip_of_something_else_is_refused_in_words() -> None:
    assert refusal(gzip.compress(b"letters" * 100)).code == "unsupported_format"


def test_volume_without_orientation_through_the_guard_is_the_same() -> None:
    """Found by `make fuzz`: its slices lie across each other in memory, and were refused as damaged."""

    def neither(header) -> None:
        header["qform_code"] = header["sform_code"] = 0

    data = nii(phantom((40, 40, 3)), change=neither)
    guarded, plain = list(read_images_guarded(data)), list(read_images(data))
    assert len(guarded) == len(plain) == 3
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(guarded, plain, strict=True))


def test_volume_through_the_guard_is_the_same() -> None:
    data = gzip.compress(nii(phantom(), oriented("LAS")))
    for plain, guarded in zip(read_images(data), read_images_guarded(data), strict=True):
        assert np.array_equal(plain.pixels, guarded.pixels)
        assert plain.geometry == guarded.geometry
