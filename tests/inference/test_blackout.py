"""What is in the boxes is gone, and nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest

from inference.blackout import BoxError, blacked_out, checked_boxes


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_greys_become_the_darkest_outside_of_the_boxes(dtype) -> None:
    pixels = np.arange(100, 130, dtype=dtype).reshape(5, 6)
    cleaned = blacked_out(pixels, [(0, 0, 2, 1), (4, 3, 6, 5)])
    expected = pixels.copy()
    expected[0, 0:2] = expected[3:5, 4:6] = 102
    assert np.array_equal(cleaned, expected)
    assert cleaned.dtype == dtype
    assert pixels[0, 0] == 100


def test_colours_become_black_and_a_whole_picture_too() -> None:
    colours = np.full((4, 4, 3), 90, np.uint8)
    cleaned = blacked_out(colours, [(1, 1, 3, 2)])
    assert cleaned.sum() == 90 * 3 * (16 - 2)
    assert not blacked_out(np.full((4, 4), 7, np.uint16), [(0, 0, 4, 4)]).any()


@pytest.mark.parametrize(
    ("boxes", "code"),
    [
        ([], "box_missing"),
        ([(0, 0, 1, 1)] * 51, "boxes_too_many"),
        ([(2, 0, 2, 1)], "box_empty"),
        ([(0, 0, 1, 1), (0, 0, 7, 1)], "box_outside"),
        ([(0, -1, 1, 1)], "box_outside"),
    ],
)
def test_boxes_that_cannot_be_are_refused(boxes, code) -> None:
    with pytest.raises(BoxError) as refused:
        checked_boxes(boxes, 6, 5)
    assert refused.value.code == code
