"""Windows and viewports of PS3.18, 8.3.5, by the formulas of PS3.3, C.11.2."""

from __future__ import annotations

import numpy as np
import pytest

from inference.formats import Intensity
from inference.rendering import RenderingError, ValueWindow, Viewport, fitted, windowed

GREYS = np.arange(0, 60, dtype=np.uint16).reshape(6, 10)
VALUES = Intensity(2.0, -20.0)  # -20 to 98


def expected(function: str, centre: float, width: float) -> np.ndarray:
    x = GREYS * 2.0 - 20.0
    if function == "sigmoid":
        return np.rint(255 / (1 + np.exp(-4 * (x - centre) / width)))
    if function == "linear":
        y = np.where(
            x <= centre - 0.5 - (width - 1) / 2,
            0,
            np.where(
                x > centre - 0.5 + (width - 1) / 2,
                255,
                ((x - (centre - 0.5)) / (width - 1 or 1) + 0.5) * 255,
            ),
        )
        return np.rint(y)
    return np.rint(np.clip((x - centre) / width + 0.5, 0, 1) * 255)


@pytest.mark.parametrize("function", ["linear", "linear-exact", "sigmoid"])
@pytest.mark.parametrize(("centre", "width"), [(40, 50), (10, 1), (-300, 7)])
def test_values_pass_through_the_window(function, centre, width) -> None:
    shown = windowed(GREYS, ValueWindow(centre, width, function), VALUES)
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, expected(function, centre, width))


def test_bright_stays_low_where_the_picture_has_it_so() -> None:
    window = ValueWindow(40, 50, "linear-exact")
    upright = windowed(GREYS, window, VALUES)
    turned = windowed((59 - GREYS).astype(np.uint16), window, Intensity(-2.0, 98.0))
    assert np.abs(turned.astype(int) - (255 - upright.astype(int))).max() <= 1  # halves are rounded to even


def test_greys_stand_for_themselves_where_nothing_else_is_told() -> None:
    shown = windowed(GREYS, ValueWindow(30, 20, "linear-exact"), Intensity())
    assert [int(shown[2, 0]), int(shown[3, 0]), int(shown[4, 0])] == [0, 128, 255]


def test_colours_have_no_window() -> None:
    with pytest.raises(RenderingError) as refused:
        windowed(np.zeros((4, 4, 3), np.uint8), ValueWindow(1, 2, "linear"), Intensity())
    assert refused.value.code == "window_of_colours"


PICTURE = np.arange(60, dtype=np.uint8).reshape(6, 10)


@pytest.mark.parametrize(
    ("viewport", "shape"),
    [
        (Viewport(20, 20), (12, 20)),
        (Viewport(5, 20), (3, 5)),
        (Viewport(100, 12), (12, 20)),
        (Viewport(8, 8, 2, 1, 4, 4), (8, 8)),
        (Viewport(1, 1), (1, 1)),
    ],
)
def test_picture_fits_with_its_sides_in_proportion(viewport, shape) -> None:
    assert fitted(PICTURE, viewport).shape == shape
    colours = fitted(np.repeat(PICTURE[..., None], 3, axis=2), viewport)
    assert colours.shape == (*shape, 3)


def test_part_is_cut_out_to_the_edge_and_mirrored() -> None:
    assert np.array_equal(fitted(PICTURE, Viewport(4, 2, 3, 2, 4, 2)), PICTURE[2:4, 3:7])
    assert np.array_equal(fitted(PICTURE, Viewport(7, 4, 3, 2)), PICTURE[2:, 3:])
    assert np.array_equal(fitted(PICTURE, Viewport(4, 2, 3, 2, -4, 2)), PICTURE[2:4, 6:2:-1])
    assert np.array_equal(fitted(PICTURE, Viewport(4, 2, 3, 2, 4, -2)), PICTURE[3:1:-1, 3:7])


@pytest.mark.parametrize(
    "viewport",
    [Viewport(4, 4, 8, 0, 4, 4), Viewport(4, 4, -1, 0, 4, 4), Viewport(4, 4, 0, 0, 0, 4), Viewport(4, 4, 10)],
)
def test_part_that_is_not_on_the_picture_is_refused(viewport) -> None:
    with pytest.raises(RenderingError) as refused:
        fitted(PICTURE, viewport)
    assert refused.value.code == "region_outside"
