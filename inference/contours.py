"""The borders of what a brush has marked, as closed lines along the edges of pixels."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Point = tuple[int, int]


def outer_borders(mask: NDArray[np.bool_]) -> list[list[Point]]:
    """The outer border of each part of a mask, the largest part first.

    mask: bool (H, W). Returns for each part its corners (x, y), clockwise as seen, in pixels from the
    picture's upper left corner, the first one repeated at the end. Pixels that touch by a corner alone are
    two parts; a hole inside a part has no border of its own.
    """
    following = _edges(mask)
    rings = []
    while following:
        ring = _ring(following)
        if (size := _signed_area(ring)) > 0:
            rings.append((size, ring))
    # Equal ones stay in the order of rows.
    return [_corners(ring) for _, ring in sorted(rings, key=lambda each: -each[0])]


def _edges(mask: NDArray[np.bool_]) -> dict[Point, list[Point]]:
    """The ends of the edges that begin at a point, with the marked pixel on the right of each edge."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1]
    sides = (
        (padded[:-2, 1:-1], (0, 0), (1, 0)),
        (padded[1:-1, 2:], (1, 0), (1, 1)),
        (padded[2:, 1:-1], (1, 1), (0, 1)),
        (padded[1:-1, :-2], (0, 1), (0, 0)),
    )
    following: dict[Point, list[Point]] = defaultdict(list)
    for neighbour, (x0, y0), (x1, y1) in sides:
        for row, column in np.argwhere(inside & ~neighbour).tolist():
            following[column + x0, row + y0].append((column + x1, row + y1))
    return following


def _ring(following: dict[Point, list[Point]]) -> list[Point]:
    """One closed line of edges, which are taken out."""
    start = min(following, key=lambda point: (point[1], point[0]))
    ring = [start, _take(following, start, None)]
    while ring[-1] != start:
        ring.append(_take(following, ring[-1], ring[-2]))
    return ring


def _take(following: dict[Point, list[Point]], at: Point, before: Point | None) -> Point:
    """The end of the edge to go on by. Where two pixels touch by a corner, the one that turns right, which
    stays with its own pixel.
    """
    ends = following[at]
    if before is None or len(ends) == 1:
        chosen = ends[0]
    else:
        way = (at[0] - before[0], at[1] - before[1])
        chosen = next(end for end in ends if (end[0] - at[0], end[1] - at[1]) == (-way[1], way[0]))
    ends.remove(chosen)
    if not ends:
        del following[at]
    return chosen


def _signed_area(ring: list[Point]) -> float:
    """Above zero for a line that runs clockwise as seen, with y downwards: for what is no hole."""
    return sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(ring)) / 2


def _corners(ring: list[Point]) -> list[Point]:
    """The line without the points on its straight pieces. It begins at a corner: the highest row's left."""
    kept = [
        here
        for before, here, after in zip(ring, ring[1:], ring[2:], strict=False)
        if (here[0] - before[0], here[1] - before[1]) != (after[0] - here[0], after[1] - here[1])
    ]
    return [ring[0], *kept, ring[0]]
