"""NIfTI for the viewer: full bit depth, and one space for picture and map."""

import gzip
import io

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from inference.heatmaps import overlay_png
from inference.preprocessing import intensity_window, letterbox
from inference.volumes import MAX_SIDE, base_volume, map_volume


def volume_of(data: bytes):
    return nib.Nifti1Image.from_bytes(gzip.decompress(data))


def place_in_picture(volume, column: float, row: float, width: int, height: int) -> tuple[float, float]:
    """A cell's middle in pixels of the original, from its upper left corner."""
    x, y, _, _ = volume.affine @ (column, row, 0, 1)
    return x + width / 2, height / 2 - y


def test_sixteen_bits_arrive_as_sixteen_bits_with_the_servers_window() -> None:
    pixels = np.linspace(0, 65535, 300 * 500).reshape(500, 300).astype(np.uint16)
    volume = volume_of(base_volume(pixels))
    values = np.asanyarray(volume.dataobj)
    assert values.dtype == np.uint16
    assert np.array_equal(values[:, :, 0].T, pixels)
    low, high = intensity_window(pixels)
    assert (volume.header["cal_min"], volume.header["cal_max"]) == pytest.approx((low, high))


def test_eight_bits_are_shown_whole() -> None:
    volume = volume_of(base_volume(np.full((20, 30), 100, np.uint8)))
    assert (volume.header["cal_min"], volume.header["cal_max"]) == (0, 255)


def test_colour_picture_is_rgb_or_one_channel() -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[1, 2] = (10, 20, 30)
    whole = np.asanyarray(volume_of(base_volume(pixels, "rgb")).dataobj)
    assert whole.shape == (6, 4, 1)
    assert tuple(whole[2, 1, 0]) == (10, 20, 30)
    green = np.asanyarray(volume_of(base_volume(pixels, "green")).dataobj)
    assert (green.dtype, green[2, 1, 0]) == (np.uint8, 20)


def test_first_pixel_lies_in_the_upper_left_corner() -> None:
    volume = volume_of(base_volume(np.zeros((500, 300), np.uint8)))
    assert place_in_picture(volume, 0, 0, 300, 500) == (0.5, 0.5)
    assert place_in_picture(volume, 299, 499, 300, 500) == (299.5, 499.5)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_large_picture_is_shrunk_and_keeps_its_place(dtype) -> None:
    pixels = np.zeros((1024, 4096), dtype)
    pixels[:, 2048:] = 200
    volume = volume_of(base_volume(pixels))
    values = np.asanyarray(volume.dataobj)
    assert values.shape == (MAX_SIDE, 512, 1)
    assert (values.dtype, values[1023, 0, 0], values[1024, 0, 0]) == (dtype, 0, 200)
    assert place_in_picture(volume, 0, 0, 4096, 1024) == (1, 1)
    assert place_in_picture(volume, 2047, 511, 4096, 1024) == (4095, 1023)


def test_fields_of_a_map_lie_where_the_letterbox_puts_them() -> None:
    values = np.arange(25, dtype=np.uint8).reshape(5, 5)
    volume = volume_of(map_volume(values, letterbox(300, 500), 300, 500, smooth=False))
    heat = np.asanyarray(volume.dataobj)[:, :, 0].T
    # A field is 100 pixels; the square begins 100 pixels left of the picture.
    rows, columns = np.mgrid[0:500, 0:300]
    fields = [((steps + 0.5) / 100).astype(int) for steps in (rows, columns + 100)]
    assert np.array_equal(heat, values[tuple(fields)])
    assert place_in_picture(volume, 0, 0, 300, 500) == (0.5, 0.5)
    assert place_in_picture(volume, 299, 499, 300, 500) == (299.5, 499.5)


def test_smooth_map_is_what_the_overlay_lays_over() -> None:
    values = np.zeros((8, 8), np.uint8)
    values[2, 5] = 255
    box = letterbox(300, 500)
    volume = volume_of(map_volume(values, box, 300, 500, smooth=True))
    heat = np.asanyarray(volume.dataobj)[:, :, 0].T
    laid_over = overlay_png(np.zeros((500, 300), np.uint8), values, box, 1.0, "grey")
    overlay = np.asarray(Image.open(io.BytesIO(laid_over)).convert("L"))
    # The overlay's colour is the heat, as opaque as the heat: its square.
    assert np.abs(np.sqrt(overlay / 255.0) * 255 - heat).max() < 16
    assert np.unravel_index(overlay.argmax(), overlay.shape) == np.unravel_index(heat.argmax(), heat.shape)
    assert place_in_picture(volume, 0, 0, 300, 500) == (0.5, 0.5)
