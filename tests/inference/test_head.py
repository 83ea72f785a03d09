"""The head, found in pictures that are known: what is cut away, what is kept, and where maps then lie."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from inference.head import head_box
from inference.heatmaps import MapSet, map_over_image, pack, unpack
from inference.manifest import load_manifest
from inference.predictor import Predictor
from inference.preprocessing import HEAD_ID, Letterbox, letterbox, to_tensor, to_tensor_and_square
from inference.regions import share_inside
from inference.training.data import Sample, load_tensors
from inference.training.localisation import localise
from tests.inference.images import grey8, saved
from tests.inference.tiny import DETECTOR, square_detector, write_model

BLACK = {"left": 40, "right": 90, "top": 17, "bottom": 60}


def square_of(pixels: np.ndarray, preprocessing: str = HEAD_ID) -> Letterbox:
    return to_tensor_and_square(pixels, 32, preprocessing)[1]


def head_of(height: int = 160, width: int = 120) -> np.ndarray:
    """uint8: an oval of tissue with texture and a bright lesion, to the picture's edges."""
    rows, columns = np.mgrid[0:height, 0:width]
    oval = np.hypot((rows + 0.5) / height - 0.5, (columns + 0.5) / width - 0.5) <= 0.5
    tissue = np.random.default_rng(4).uniform(70, 140, (height, width))
    lesion = np.hypot(rows - height * 0.3, columns - width * 0.7) < 9
    return np.rint(np.where(lesion, 240, tissue) * oval).astype(np.uint8)


def on_black(head: np.ndarray, **black: int) -> np.ndarray:
    sides = {**BLACK, **black}
    return np.pad(head, ((sides["top"], sides["bottom"]), (sides["left"], sides["right"])))


def test_box_is_the_heads_wherever_it_lies() -> None:
    box = head_box(on_black(head_of()))
    assert np.abs(np.array(box) - (40, 17, 160, 177)).max() <= 2


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({side: st.integers(0, 60) for side in BLACK}))
def test_black_round_a_picture_does_not_change_what_the_network_sees(black: dict[str, int]) -> None:
    plain, framed = (
        on_black(head_of()),
        np.pad(on_black(head_of()), ((black["top"], black["bottom"]), (black["left"], black["right"]))),
    )
    square, moved = square_of(plain), square_of(framed)
    # The copy in which it is found has half the pixels in the larger frames: 2 pixels of it, on both sides.
    assert abs(square.side - moved.side) <= 8
    assert abs(moved.left + black["left"] - square.left) <= 4
    assert abs(moved.top + black["top"] - square.top) <= 4
    assert np.abs(to_tensor(plain, 64, HEAD_ID) - to_tensor(framed, 64, HEAD_ID)).mean() < 0.06


def test_older_networks_see_the_black_that_was_added() -> None:
    plain = on_black(head_of())
    assert np.abs(to_tensor(plain, 64) - to_tensor(np.pad(plain, 60), 64)).mean() > 0.06


def test_letters_in_a_corner_and_noise_are_no_part_of_the_head() -> None:
    picture = on_black(head_of())
    noisy = np.maximum(picture, np.random.default_rng(1).integers(0, 12, picture.shape, np.uint8))
    noisy[3:12, 4:30:3] = 255
    box = np.array(head_box(noisy))
    assert np.abs(box - (40, 17, 160, 177)).max() <= 3


@pytest.mark.parametrize("factor", [16, 257])
def test_depth_and_colour_of_the_file_do_not_change_the_head(factor: int) -> None:
    grey = on_black(head_of())
    deep, colour = grey.astype(np.uint16) * np.uint16(factor), np.stack([grey] * 3, axis=-1)
    for other in (deep, colour):
        assert square_of(other) == square_of(grey)
        np.testing.assert_allclose(to_tensor(other, 48, HEAD_ID), to_tensor(grey, 48, HEAD_ID), atol=1e-5)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((40, 50), np.uint8),
        np.full((40, 50), 255, np.uint8),
        np.full((1, 1), 9, np.uint8),
        np.pad(np.full((3, 3), 255, np.uint8), ((100, 90), (80, 120))),
        np.arange(5000, dtype=np.uint16)[None, :],
        np.arange(5000, dtype=np.uint16)[:, None],
    ],
    ids=["black", "white", "one pixel", "speck", "one row", "one column"],
)
def test_picture_without_a_head_is_taken_whole_and_nothing_fails(picture: np.ndarray) -> None:
    height, width = picture.shape
    x0, y0, x1, y1 = head_box(picture)
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height
    tensor = to_tensor(picture, 32, HEAD_ID)
    assert tensor.shape == (32, 32, 1)
    assert np.isfinite(tensor).all()
    assert 0 <= tensor.min() <= tensor.max() <= 1
    if picture.size < 30_000 and picture.min() == picture.max():
        assert (x0, y0, x1, y1) == (0, 0, width, height)


def test_speck_is_no_head() -> None:
    assert head_box(np.pad(np.full((9, 9), 255, np.uint8), 100)) == (0, 0, 209, 209)


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(100, 400), st.integers(100, 400)),
    st.tuples(st.integers(0, 200), st.integers(0, 200)),
    st.integers(48, 200),
)
def test_what_lies_in_the_tensor_is_what_lies_in_its_square(
    shape: tuple[int, int], before: tuple[int, int], size: int
) -> None:
    """A bright mark in a head of any size, anywhere, is found where its square says."""
    height, width = shape
    head = np.full((height, width), 90, np.uint8)
    top, left = height // 5, width // 2
    mark = max(4, max(height, width) // 8)
    head[top : top + mark, left : left + mark] = 250
    picture = np.pad(head, ((before[0], 5), (before[1], 5)))
    square = square_of(picture)
    tensor = to_tensor(picture, size, HEAD_ID)[..., 0]
    rows, columns = np.nonzero(tensor > 0.7)
    middle_y = (rows.mean() + 0.5) * square.side / size - square.top
    middle_x = (columns.mean() + 0.5) * square.side / size - square.left
    slack = square.side / size + 1
    assert abs(middle_y - (before[0] + top + mark / 2)) <= slack
    assert abs(middle_x - (before[1] + left + mark / 2)) <= slack


def test_large_picture_costs_memory_for_its_own_pixels_alone() -> None:
    """A head of one row in a picture of many: the square round it is never drawn at full size."""
    picture = np.tile(np.arange(60_000, dtype=np.uint16), (4, 1))
    assert to_tensor(picture, 32, HEAD_ID).shape == (32, 32, 1)


@pytest.mark.parametrize("smooth", [True, False])
@pytest.mark.parametrize("width", [200, 2400])
def test_map_of_a_square_within_the_picture_is_zero_outside_and_exact_inside(
    smooth: bool, width: int
) -> None:
    values = np.full((8, 8), 60, np.uint8)
    values[2, 5] = 255
    scale = width // 200
    square = Letterbox(side=80 * scale, left=-40.0 * scale, top=-100.0 * scale)
    over = map_over_image(values, square, width, width, smooth=smooth)
    drawn = over.shape[0] / 200
    inside = over[round(100 * drawn) : round(180 * drawn), round(40 * drawn) : round(120 * drawn)]
    assert inside.min() >= 59
    assert over.astype(int).sum() == inside.astype(int).sum()
    row, column = np.argwhere(over == over.max()).mean(axis=0)
    assert abs(row - 125 * drawn) < drawn * 1.5
    assert abs(column - 95 * drawn) < drawn * 1.5


def test_map_of_a_square_that_begins_within_and_ends_beyond_the_picture() -> None:
    values = np.arange(16, dtype=np.uint8).reshape(4, 4) * 16 + 1
    over = map_over_image(values, Letterbox(80, -60.0, 20.0), 100, 60, smooth=False)
    assert not over[:, :60].any()
    assert over[:, 60:].all()
    # 40 of 80 columns, and the 60 rows after the 20 that lie above the picture.
    assert np.array_equal(over[::20, 60::20], values[1:, :2])


def test_square_survives_packing_and_older_maps_have_the_pictures_own() -> None:
    maps = MapSet(("a",), ("x",), {"a": np.ones((1, 4, 4), np.uint8)}, {"a": np.ones(1, np.float32)})
    assert unpack(pack(maps)).square_on(300, 500) == letterbox(300, 500)
    within = replace(maps, square=Letterbox(90, -12.0, 3.5))
    assert unpack(pack(within)).square_on(300, 500) == Letterbox(90, -12.0, 3.5)


def test_heat_inside_a_region_follows_the_square() -> None:
    values = np.zeros((4, 4), np.uint8)
    values[0, 0] = 200
    square = Letterbox(40, -50.0, -30.0)
    field = {"kind": "rectangle", "x0": 50, "y0": 30, "x1": 60, "y1": 40}
    beside = {"kind": "rectangle", "x0": 0, "y0": 0, "x1": 50, "y1": 100}
    assert share_inside(values, square, field, 100, 100) == pytest.approx(1.0)
    assert share_inside(values, square, beside, 100, 100) == 0.0


def test_peak_of_the_map_lies_on_the_lesion_of_a_head_in_a_corner(tmp_path: Path) -> None:
    path = write_model(tmp_path, square_detector(), DETECTOR, ("square", "other"))
    head = np.full((160, 120), 60, np.uint8)
    head[100:130, 70:100] = 250
    pixels = np.pad(head, ((10, 200), (300, 20)))
    manifest = replace(load_manifest(path), preprocessing=HEAD_ID)
    result = Predictor.load(manifest).predict([pixels])[0]
    square = result.maps.square_on(440, 370)
    assert square == square_of(pixels)
    for layer in result.maps.layers:
        over = map_over_image(result.maps.values[layer][0], square, 440, 370)
        row, column = np.argwhere(over == over.max()).mean(axis=0)
        assert 110 <= row <= 140
        assert 370 <= column <= 400
    lesion = (370 / 440, 110 / 370, 400 / 440, 140 / 370)
    measured = localise(result.maps, "square", lesion, pixels.shape, np.random.default_rng(0))
    assert all(each.hit for each in measured.lesion.values())


def test_boxes_of_the_training_lie_on_the_lesion_in_the_tensor(tmp_path: Path) -> None:
    head = np.full((160, 120), 60, np.uint8)
    head[100:130, 70:100] = 250
    picture = np.pad(head, ((10, 200), (300, 20)))
    (tmp_path / "a.png").write_bytes(saved(Image.fromarray(picture), "PNG"))
    box = (370 / 440, 110 / 370, 400 / 440, 140 / 370)
    sample = Sample(tmp_path / "a.png", "x", box=box)
    data = load_tensors([sample], ["x"], 64, preprocessing=HEAD_ID)
    x0, y0, x1, y1 = np.rint(data.boxes[0] * 64).astype(int)
    assert data.images[0, y0 + 1 : y1 - 1, x0 + 1 : x1 - 1].min() > 0.9
    assert (data.images[0, ..., 0] > 0.5).sum() == pytest.approx((x1 - x0) * (y1 - y0), rel=0.2)


def test_whole_picture_stays_the_tensor_of_older_networks() -> None:
    assert np.array_equal(to_tensor(grey8(), 64), to_tensor(grey8(), 64, "grey-letterbox-v1"))
    assert square_of(grey8(), "grey-letterbox-v1") == letterbox(64, 80)
