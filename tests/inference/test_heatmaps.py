from __future__ import annotations

import gzip
import io
import pickle

import matplotlib
import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from inference.errors import InferenceError
from inference.heatmaps import (
    COLOUR_MAPS,
    Channel,
    MapSet,
    base_png,
    colour_png,
    map_over_image,
    overlay_png,
    pack,
    unpack,
)
from inference.preprocessing import letterbox, to_display
from inference.volumes import map_volume
from tests.inference.images import grey8, slice_like


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def map_set() -> MapSet:
    rng = np.random.default_rng(3)
    values = {
        "conv1": rng.integers(0, 256, (2, 9, 9), np.uint8),
        "conv2": rng.integers(0, 256, (2, 4, 4), np.uint8),
    }
    scales = {"conv1": np.array([0.5, 0.0], np.float32), "conv2": np.array([1e-6, 3e4], np.float32)}
    return MapSet(("conv1", "conv2"), ("glioma", "notumor"), values, scales)


def test_pack_and_unpack_give_the_same_maps() -> None:
    maps = map_set()
    restored = unpack(pack(maps))
    assert (restored.layers, restored.class_codes) == (maps.layers, maps.class_codes)
    for layer in maps.layers:
        assert restored.values[layer].dtype == np.uint8
        assert restored.scales[layer].dtype == np.float32
        assert np.array_equal(restored.values[layer], maps.values[layer])
        assert np.array_equal(restored.scales[layer], maps.scales[layer])


class Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("unpickled",))


def npz_with_an_object() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, layers=np.array([Bomb()], object), allow_pickle=True)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"not an archive", pickle.dumps(Bomb()), npz_with_an_object(), pack(map_set())[:-60]],
    ids=["empty", "text", "pickle", "object array", "cut"],
)
def test_other_bytes_are_refused_and_never_unpickled(data: bytes) -> None:
    with pytest.raises(InferenceError) as caught:
        unpack(data)
    assert caught.value.code == "maps_damaged"


@pytest.mark.parametrize("name", ["inferno", "viridis"])
def test_colour_tables_are_those_of_matplotlib(name: str) -> None:
    expected = np.rint(matplotlib.colormaps[name](np.arange(256))[:, :3] * 255)
    assert np.abs(COLOUR_MAPS[name].astype(int) - expected).max() <= 1
    assert next(iter(COLOUR_MAPS)) == "inferno"


def test_colour_png_is_on_the_grid_of_the_map_and_clear_where_it_is_zero() -> None:
    values = np.array([[0, 128, 255], [1, 2, 3]], np.uint8)
    image = opened(colour_png(values, "viridis"))
    rgba = np.asarray(image.convert("RGBA"))
    assert (image.mode, image.size) == ("P", (3, 2))
    assert np.array_equal(rgba[..., 3], values)
    assert np.array_equal(rgba[..., :3], COLOUR_MAPS["viridis"][values])


GRIDS = [(1, 1), (7, 7), (20, 20), (56, 56), (227, 227), (13, 30)]
SIZES = [(64, 64), (300, 500), (500, 120), (41, 300), (1024, 1024), (3000, 1500)]


@pytest.mark.parametrize("smooth", [True, False], ids=["smooth", "fields"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_drawing_volume_and_overlay_show_the_same_values(
    grid: tuple[int, int], size: tuple[int, int], smooth: bool
) -> None:
    values = np.random.default_rng([*grid, *size]).integers(0, 256, grid, np.uint8)
    width, height = size
    box = letterbox(width, height)
    heat = map_over_image(values, box, width, height, smooth=smooth)
    scale = min(1.0, 1024 / max(size))
    assert heat.shape == (round(height * scale), round(width * scale))

    volume = nib.Nifti1Image.from_bytes(
        gzip.decompress(map_volume(values, box, width, height, smooth=smooth))
    )
    assert np.array_equal(np.asanyarray(volume.dataobj)[:, :, 0].T, heat)

    drawn = np.asarray(opened(colour_png(heat, "viridis")).convert("RGBA"))
    assert np.array_equal(drawn[..., 3], heat)
    assert np.array_equal(drawn[..., :3], COLOUR_MAPS["viridis"][heat])

    # What a browser makes of the drawing, at six tenths over a grey picture, is the overlay.
    grey = np.full((height, width), 90, np.uint8)
    laid_over = np.asarray(opened(overlay_png(grey, values, box, 0.6, "viridis", smooth=smooth)), float)
    alpha = drawn[..., 3:] / 255 * 0.6
    assert np.abs(drawn[..., :3] * alpha + 90 * (1 - alpha) - laid_over).max() <= 0.5001


@pytest.mark.parametrize("size", SIZES[:5], ids=str)
def test_smooth_map_is_linear_between_the_middles_of_its_fields(size: tuple[int, int]) -> None:
    """The reference is written out, for grids that are coarser than the picture."""
    width, height = size
    box = letterbox(width, height)
    values = np.random.default_rng(5).integers(0, 256, (9, 9), np.uint8)
    heat = map_over_image(values, box, width, height)

    def places(count: int, before: float) -> tuple[np.ndarray, np.ndarray]:
        place = np.clip((np.arange(count) + 0.5 + before) * 9 / box.side - 0.5, 0, 8)
        first = np.minimum(place.astype(int), 7)
        return first, place - first

    (row, down), (column, across) = places(height, box.top), places(width, box.left)
    down, fine = down[:, None], values.astype(float)
    upper = fine[np.ix_(row, column)] * (1 - across) + fine[np.ix_(row, column + 1)] * across
    lower = fine[np.ix_(row + 1, column)] * (1 - across) + fine[np.ix_(row + 1, column + 1)] * across
    assert np.abs(upper * (1 - down) + lower * down - heat).max() <= 1.5


def test_unknown_colour_map_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InferenceError, match="inferno, viridis, grey"):
        colour_png(np.zeros((2, 2), np.uint8), "jet")


def test_overlay_of_an_empty_map_is_the_picture() -> None:
    overlay = np.asarray(opened(overlay_png(grey8(), np.zeros((7, 7), np.uint8), letterbox(64, 80), 0.8)))
    assert np.array_equal(overlay, np.stack([grey8()] * 3, axis=-1))


def test_overlay_shows_the_peak_where_the_letterbox_puts_it() -> None:
    """Of a 10 x 10 map over a 300 x 500 image, cell (5, 7) covers rows 150..200, columns 350..400."""
    values = np.zeros((10, 10), np.uint8)
    values[5, 7] = 255
    overlay = np.asarray(
        opened(overlay_png(np.zeros((300, 500), np.uint8), values, letterbox(500, 300), 1.0))
    )
    row, column = np.unravel_index(int(overlay.sum(axis=-1).argmax()), (300, 500))
    assert overlay.shape == (300, 500, 3)
    assert 150 <= row < 200
    assert 350 <= column < 400


def test_overlay_of_a_large_image_is_bounded_to_1024_pixels() -> None:
    image = opened(overlay_png(slice_like(1500, 3000), np.full((4, 4), 9, np.uint8), letterbox(3000, 1500)))
    assert image.size == (1024, 512)


def test_opacity_weighs_the_colour() -> None:
    values = np.full((4, 4), 255, np.uint8)
    pixels = np.full((40, 40), 100, np.uint8)
    hot = COLOUR_MAPS["inferno"][255].astype(float)
    for opacity, expected in ((0.0, [100.0] * 3), (0.5, (hot + 100) / 2), (1.0, hot), (7.0, hot)):
        overlay = np.asarray(opened(overlay_png(pixels, values, letterbox(40, 40), opacity)), float)
        assert np.abs(overlay - np.asarray(expected)).max() <= 0.5


def test_base_png_of_a_grey_image_is_the_same_in_every_channel() -> None:
    for channel in ("grey", "rgb", "red", "green", "blue"):
        image = opened(base_png(grey8(), channel))
        assert image.mode == "L"
        assert np.array_equal(np.asarray(image), grey8())


def test_base_png_of_a_colour_image_shows_the_channel_asked_for() -> None:
    colour = np.stack([grey8(), grey8()[::-1], grey8()[:, ::-1]], axis=-1)
    assert np.array_equal(np.asarray(opened(base_png(colour, "rgb"))), colour)
    channels: tuple[Channel, ...] = ("red", "green", "blue")
    for index, channel in enumerate(channels):
        assert np.array_equal(np.asarray(opened(base_png(colour, channel))), colour[..., index])
    assert opened(base_png(colour)).mode == "L"


def test_base_png_has_no_more_than_the_pixels_asked_for() -> None:
    large, small = slice_like(300, 600), slice_like(100, 200)
    assert opened(base_png(large, side=256)).size == (256, 128)
    assert opened(base_png(small, side=256)).size == (200, 100)


def test_base_png_of_sixteen_bits_has_the_window_of_the_tensor() -> None:
    pixels = slice_like(top=4095)
    assert np.array_equal(np.asarray(opened(base_png(pixels))), to_display(pixels))
