from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from inference.formats import read_image
from inference.preprocessing import intensity_window, letterbox, to_display, to_grey, to_tensor
from tests.inference.images import grey8, saved, slice_like


def test_tensor_has_the_promised_shape_type_and_range() -> None:
    tensor = to_tensor(slice_like(300, 500, 4000), 227)
    assert tensor.shape == (227, 227, 1)
    assert tensor.dtype == np.float32
    assert tensor.min() == 0.0
    assert tensor.max() == 1.0


def test_colour_modes_of_one_picture_give_the_same_tensor() -> None:
    picture = Image.fromarray(grey8())
    palette = picture.convert("P")
    files = [
        saved(each, "PNG") for each in (picture, picture.convert("RGB"), picture.convert("RGBA"), palette)
    ]
    tensors = [to_tensor(read_image(data).pixels, 64) for data in files]
    for tensor in tensors[1:]:
        assert np.array_equal(tensor, tensors[0])


def test_equal_channels_give_exactly_their_grey_value() -> None:
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(to_grey(np.stack([ramp] * 3, axis=-1)), ramp)


def test_colour_is_weighted_as_luma() -> None:
    pure = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert to_grey(pure).tolist() == [[76, 150, 29]]


@pytest.mark.parametrize("factor", [16, 257])
def test_depth_of_the_file_does_not_change_the_tensor(factor: int) -> None:
    """The same slice in 8 bits, as 12 bits in 16, and in full 16 bits."""
    eight = grey8(90, 70)
    deep = eight.astype(np.uint16) * factor
    np.testing.assert_allclose(to_tensor(deep, 64), to_tensor(eight, 64), atol=1e-5)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_image_gives_zeros(value: int) -> None:
    tensor = to_tensor(np.full((40, 50), value, np.uint8), 32)
    assert not tensor.any()


def test_few_bright_pixels_on_black_are_not_lost() -> None:
    pixels = np.zeros((200, 200), np.uint8)
    pixels[101, 77] = 200
    assert intensity_window(pixels) == (0.0, 200.0)
    assert to_tensor(pixels, 200).max() == 1.0


def test_outliers_do_not_compress_the_picture() -> None:
    plain = slice_like(256, 256, 200)
    spiked = plain.copy()
    spiked[5, 5:20] = 65535
    assert np.abs(to_tensor(spiked, 64) - to_tensor(plain, 64)).mean() < 0.02


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((300, 500), (500, 0.0, 100.0)), ((80, 64), (80, 8.0, 0.0)), ((33, 40), (40, 0.0, 3.5))],
)
def test_letterbox_centres_the_image(shape: tuple[int, int], expected: tuple[int, float, float]) -> None:
    box = letterbox(width=shape[1], height=shape[0])
    assert (box.side, box.left, box.top) == expected


def test_image_is_padded_and_never_stretched() -> None:
    """A square mark in a 300 x 500 image stays square, at the place that the letterbox tells."""
    pixels = np.zeros((300, 500), np.uint8)
    pixels[150:250, 300:400] = 255
    tensor = to_tensor(pixels, 100)[..., 0]
    rows, columns = np.nonzero(tensor > 0.5)
    box = letterbox(500, 300)
    assert (rows.min(), rows.max() + 1) == ((150 + box.top) / 5, (250 + box.top) / 5)
    assert (columns.min(), columns.max() + 1) == ((300 + box.left) / 5, (400 + box.left) / 5)
    assert not tensor[:20].any()
    assert not tensor[80:].any()


def test_very_long_image_costs_memory_in_proportion_only() -> None:
    pixels = np.tile(np.arange(100_000, dtype=np.uint16) % 4096, (32, 1))
    tracemalloc.start()
    tensor = to_tensor(pixels, 227)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert tensor.any()
    assert peak < 8 * pixels.nbytes


@pytest.mark.parametrize("draw", [to_grey, to_display])
def test_large_image_is_drawn_with_little_more_memory_than_it_has(draw) -> None:
    height, width = 2000, 3000
    grey = np.linspace(0, 4095, height * width).reshape(height, width).astype(np.uint16)
    pixels = np.stack([grey.astype(np.uint8)] * 3, axis=-1) if draw is to_grey else grey
    tracemalloc.start()
    drawn = draw(pixels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < drawn.nbytes + 24 * 2**20
    assert np.array_equal(draw(pixels[-9:]) if draw is to_grey else drawn[-9:], drawn[-9:])
    assert (drawn.shape, drawn.dtype) == ((height, width), np.uint8)


def test_reducing_is_antialiased() -> None:
    """A fine checkerboard becomes even grey instead of a moire."""
    board = (np.indices((800, 800)).sum(axis=0) % 2 * 255).astype(np.uint8)
    inner = to_tensor(board, 100)[5:-5, 5:-5]
    assert float(inner.std()) < 0.02


def test_display_keeps_eight_bits_and_windows_sixteen() -> None:
    assert np.array_equal(to_display(grey8()), grey8())
    shown = to_display(slice_like(top=4095))
    assert shown.dtype == np.uint8
    assert (shown.min(), shown.max()) == (0, 255)
    assert not to_display(np.full((40, 40), 900, np.uint16)).any()


@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        fill=st.just(0),
    )
)
@settings(max_examples=200, deadline=None)
def test_any_pixels_give_finite_values_in_range(pixels: np.ndarray) -> None:
    tensor = to_tensor(pixels, 16)
    assert np.isfinite(tensor).all()
    assert tensor.min() >= 0.0
    assert tensor.max() <= 1.0
