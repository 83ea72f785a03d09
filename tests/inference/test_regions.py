"""Regions: what is taken for one, what is refused, and the heat inside."""

import numpy as np
import pytest

from inference.preprocessing import letterbox
from inference.regions import RegionError, area, coverage, outline, share_inside, validated

SIZES = [(40, 30), (8, 8)]
BOX = {"image": 0, "kind": "rectangle", "x0": 4, "y0": 5.5, "x1": 20, "y1": 15}


@pytest.mark.parametrize("nothing", [None, ""])
def test_nothing_is_no_region(nothing) -> None:
    assert validated(nothing, SIZES) is None


def test_region_keeps_its_own_keys_only() -> None:
    assert validated(BOX | {"note": "x"}, SIZES) == BOX
    brush = {"image": 1, "kind": "brush", "runs": [[0, 3], [8, 2]]}
    assert validated(brush | {"x0": 1}, SIZES) == brush


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("rectangle", "region_malformed"),
        ({"kind": "circle"}, "region_malformed"),
        (BOX | {"image": 2}, "region_malformed"),
        (BOX | {"image": True}, "region_malformed"),
        (BOX | {"x0": "4"}, "region_malformed"),
        (BOX | {"x0": float("nan")}, "region_malformed"),
        (BOX | {"x0": -0.5}, "region_outside"),
        (BOX | {"x1": 40.5}, "region_outside"),
        (BOX | {"y1": 6}, "region_empty"),
        ({"kind": "brush", "runs": "0"}, "region_malformed"),
        ({"kind": "brush", "runs": []}, "region_empty"),
        ({"kind": "brush", "runs": [[0, 1.5]]}, "region_malformed"),
        ({"kind": "brush", "runs": [[5, 2], [6, 1]]}, "region_malformed"),
        ({"kind": "brush", "runs": [[5, 0]]}, "region_malformed"),
        ({"kind": "brush", "runs": [[1199, 2]]}, "region_outside"),
        ({"kind": "brush", "runs": [[number, 1] for number in range(20_001)]}, "region_too_fine"),
    ],
)
def test_what_is_none_is_refused(value, code) -> None:
    with pytest.raises(RegionError) as refused:
        validated(value, SIZES)
    assert refused.value.code == code


def test_coverage_of_a_rectangle_counts_parts_of_pixels() -> None:
    covered = coverage({"kind": "rectangle", "x0": 0.5, "y0": 1, "x1": 2, "y1": 2.25}, 3, 3)
    np.testing.assert_allclose(covered, [[0, 0, 0], [0.5, 1, 0], [0.125, 0.25, 0]])


def test_coverage_of_a_brush_is_its_runs() -> None:
    covered = coverage({"kind": "brush", "runs": [[1, 2], [4, 1]]}, 3, 2)
    np.testing.assert_array_equal(covered, [[0, 1, 1], [0, 1, 0]])


def test_coverage_of_an_ellipse_has_its_area() -> None:
    covered = coverage({"kind": "ellipse", "x0": 10, "y0": 20, "x1": 90, "y1": 60}, 100, 80)
    assert covered.sum() == pytest.approx(np.pi * 40 * 20, rel=0.005)


def test_heat_inside_follows_the_letterbox() -> None:
    """One lit field of a 4 x 4 map over 40 x 20 pixels: the square's rows above it hold none."""
    values = np.zeros((4, 4), np.uint8)
    values[1, 2] = 200
    box = letterbox(40, 20)
    field = {"kind": "rectangle", "x0": 20, "y0": 0, "x1": 30, "y1": 10}
    half = {"kind": "rectangle", "x0": 25, "y0": 0, "x1": 40, "y1": 20}
    beside = {"kind": "rectangle", "x0": 0, "y0": 0, "x1": 20, "y1": 20}
    shares = [share_inside(values, box, region, 40, 20) for region in (field, half, beside)]
    assert shares == pytest.approx([1.0, 0.5, 0.0])


def test_heat_in_the_padding_does_not_count() -> None:
    values = np.zeros((4, 4), np.uint8)
    values[0, 0] = 255
    region = {"kind": "rectangle", "x0": 0, "y0": 0, "x1": 40, "y1": 20}
    assert share_inside(values, letterbox(40, 20), region, 40, 20) is None


def test_outline_is_a_path_in_pixels_and_begins_at_its_corner() -> None:
    box = {"x0": 10, "y0": 20, "x1": 40, "y1": 60}
    assert outline({**box, "kind": "rectangle"}, 300) == (10, 20, "M10 20H40V60H10Z")
    ellipse = "M10 40a15 20 0 0 1 30 0a15 20 0 0 1 -30 0Z"
    assert outline({**box, "kind": "ellipse"}, 300) == (10, 20, ellipse)


def test_outline_of_a_run_over_a_rows_end_goes_on_in_the_next_row() -> None:
    region = {"kind": "brush", "runs": [[8, 4], [25, 2]]}
    assert outline(region, 10) == (0, 0, "M8 0h2v1h-2zM0 1h2v1h-2zM5 2h2v1h-2z")


def test_area_counts_pixels() -> None:
    box = {"x0": 10, "y0": 20, "x1": 40, "y1": 60}
    assert area({**box, "kind": "rectangle"}) == 1200
    assert area({**box, "kind": "ellipse"}) == pytest.approx(1200 * np.pi / 4)
    assert area({"kind": "brush", "runs": [[8, 4], [25, 2]]}) == 6
