"""Outer borders of what a brush has marked."""

import numpy as np

from inference.contours import outer_borders


def mask_of(*rows: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in row] for row in rows])


def test_borders_of_parts_run_clockwise_largest_first() -> None:
    mask = mask_of("#....", "..##.", "..#..", ".....")
    assert outer_borders(mask) == [
        [(2, 1), (4, 1), (4, 2), (3, 2), (3, 3), (2, 3), (2, 1)],
        [(0, 0), (1, 0), (1, 1), (0, 1), (0, 0)],
    ]


def test_border_of_a_ring_leaves_its_hole_out() -> None:
    assert outer_borders(mask_of("###", "#.#", "###")) == [[(0, 0), (3, 0), (3, 3), (0, 3), (0, 0)]]


def test_pixels_that_touch_by_a_corner_are_two_parts() -> None:
    assert outer_borders(mask_of(".#", "#.")) == [
        [(1, 0), (2, 0), (2, 1), (1, 1), (1, 0)],
        [(0, 1), (1, 1), (1, 2), (0, 2), (0, 1)],
    ]
    # Of one part that touches itself so, the border passes the corner twice.
    (border,) = outer_borders(mask_of("##.", "#.#", "###"))
    assert border[0] == border[-1] == (0, 0)
    assert border.count((2, 1)) == 2


def test_no_mark_has_no_border() -> None:
    assert outer_borders(np.zeros((4, 4), bool)) == []
