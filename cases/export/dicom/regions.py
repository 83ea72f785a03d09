"""A marked region as the graphics of Structured Reports have it (PS3.3, C.18.6.1.2): in pixels of the
picture, 0 to width and 0 to height from its upper left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from inference.contours import outer_borders
from inference.regions import coverage

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A value of single floats holds 65,534 bytes at the most where its length is said in two (PS3.5, 7.1.2).
MOST_POINTS = 8000
# A brush stroke of more parts is a sprinkle: the largest are told, and how many there are.
MOST_PARTS = 100


@dataclass(frozen=True)
class Graphic:
    """One closed part. points: float64 (n, 2), x and y. name: which part of how many, where there are
    several.
    """

    kind: str
    points: NDArray[np.float64]
    name: str = ""


def graphics_of(region: dict[str, Any], width: int, height: int) -> list[Graphic]:
    """The graphics of a region on a picture of `width` by `height`; a hole in a brush stroke is filled."""
    if region["kind"] == "brush":
        return _of_brush(region, width, height)
    x0, y0, x1, y1 = (float(region[name]) for name in ("x0", "y0", "x1", "y1"))
    if region["kind"] == "rectangle":
        corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]
        return [Graphic("POLYLINE", np.array(corners))]
    across = [(x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2)]
    down = [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1)]
    # The ends of the major axis, then those of the minor one.
    axes = [*across, *down] if x1 - x0 >= y1 - y0 else [*down, *across]
    return [Graphic("ELLIPSE", np.array(axes))]


def _of_brush(region: dict[str, Any], width: int, height: int) -> list[Graphic]:
    borders = outer_borders(coverage(region, width, height) > 0)
    names = [f", part {number} of {len(borders)}" for number in range(1, len(borders) + 1)]
    return [
        Graphic("POLYLINE", _thinned(np.array(border, np.float64)), name if len(borders) > 1 else "")
        for border, name in zip(borders[:MOST_PARTS], names[:MOST_PARTS], strict=True)
    ]


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Every n-th point of a line that has too many, and its end."""
    step = -(-len(points) // MOST_POINTS)
    return points if step == 1 else np.vstack([points[:-1:step], points[-1:]])
