"""Regions that a reader marks on a picture, in the picture's own pixels.

A rectangle or an ellipse is given by the box around it, its edges in pixels from the picture's upper left
corner (0 to width, 0 to height); a brush stroke by runs over the row-major pixel grid:

    {"image": 0, "kind": "rectangle", "x0": 12.5, "y0": 40, "x1": 96, "y1": 88}
    {"image": 0, "kind": "brush", "runs": [[1042, 7], [1298, 9]]}

`image` is the position of the picture in its case.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import InferenceError
from inference.preprocessing import Letterbox

KINDS = ("rectangle", "ellipse", "brush")
MOST_RUNS = 20_000
LEAST_SIDE = 1.0


class RegionError(InferenceError):
    """A region that is none. Codes: region_malformed, region_outside, region_empty, region_too_fine."""


def validated(value: Any, sizes: Sequence[tuple[int, int]]) -> dict[str, Any] | None:
    """The region with exactly its own keys; None for None and "".

    sizes: (width, height) of each picture of the case, by position. Raises RegionError.
    """
    if value is None or value == "":
        return None
    if not isinstance(value, dict) or value.get("kind") not in KINDS:
        raise RegionError("region_malformed", "This is no rectangle, ellipse or brush stroke.")
    position = value.get("image", 0)
    if not isinstance(position, int) or isinstance(position, bool) or not 0 <= position < len(sizes):
        raise RegionError("region_malformed", f"The case has no picture {position!r:.20}.")
    width, height = sizes[position]
    checked = _runs(value, width, height) if value["kind"] == "brush" else _box(value, width, height)
    return {"image": position, "kind": value["kind"], **checked}


def _box(value: dict[str, Any], width: int, height: int) -> dict[str, float]:
    edges = [value.get(name) for name in ("x0", "y0", "x1", "y1")]
    if not all(_is_number(edge) for edge in edges):
        raise RegionError("region_malformed", "The four edges of a region are numbers.")
    x0, y0, x1, y1 = (round(float(edge), 2) for edge in edges if edge is not None)
    if not (x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height):
        raise RegionError("region_outside", f"The region reaches beyond the picture of {width} by {height}.")
    if x1 - x0 < LEAST_SIDE or y1 - y0 < LEAST_SIDE:
        raise RegionError("region_empty", "The region is smaller than a pixel. Mark it again, or clear it.")
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1}


def _runs(value: dict[str, Any], width: int, height: int) -> dict[str, list[list[int]]]:
    runs = value.get("runs")
    if not isinstance(runs, list):
        raise RegionError("region_malformed", "A brush stroke is a list of runs of pixels.")
    if not runs:
        raise RegionError("region_empty", "The brush has marked nothing. Mark again, or clear it.")
    if len(runs) > MOST_RUNS:
        raise RegionError("region_too_fine", f"At most {MOST_RUNS} runs; received {len(runs)}.")
    end = 0
    for run in runs:
        if not (isinstance(run, list) and len(run) == 2 and all(type(number) is int for number in run)):
            raise RegionError("region_malformed", "A run is its first pixel and its length.")
        start, length = run
        if length < 1 or start < end:
            raise RegionError("region_malformed", "Runs go upwards, do not overlap, and are not empty.")
        end = start + length
    if end > width * height:
        raise RegionError("region_outside", f"The region reaches beyond the picture of {width} by {height}.")
    return {"runs": runs}


def _is_number(value: Any) -> bool:
    # Compared, not asked of math: a whole number may be too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def coverage(region: dict[str, Any], width: int, height: int) -> NDArray[np.float64]:
    """The share of each pixel that lies in a region: float64 (height, width), [0, 1].

    A rectangle is exact; of an ellipse and a brush stroke a pixel is in or out, an ellipse's by its centre.
    """
    if region["kind"] == "brush":
        flat = np.zeros(height * width)
        for start, length in region["runs"]:
            flat[start : start + length] = 1
        return flat.reshape(height, width)
    x0, y0, x1, y1 = (region[name] for name in ("x0", "y0", "x1", "y1"))
    if region["kind"] == "rectangle":
        return np.outer(_overlap(y0, y1, height), _overlap(x0, x1, width))
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    across = (columns - (x0 + x1) / 2) / ((x1 - x0) / 2)
    down = (rows - (y0 + y1) / 2) / ((y1 - y0) / 2)
    return np.asarray(across**2 + down**2 <= 1, np.float64)


def _overlap(start: float, end: float, count: int) -> NDArray[np.float64]:
    """How much of each of `count` unit steps from 0 lies between start and end."""
    edges = np.arange(count)
    return np.asarray(np.clip(np.minimum(edges + 1, end) - np.maximum(edges, start), 0, 1), np.float64)


def share_inside(
    values: NDArray[np.uint8], box: Letterbox, region: dict[str, Any], width: int, height: int
) -> float | None:
    """The share of a heat map's heat on the picture that lies in the region; None where there is no heat.

    values: uint8 (h, w), on the grid of its layer, which covers the square of `box`. The heat of a field is
    spread evenly over its area, by which pixels share in it.
    """
    rows = _fields(values.shape[0], box.side, box.top, height)
    columns = _fields(values.shape[1], box.side, box.left, width)
    heat = values.astype(np.float64)
    total = float((heat * np.outer(rows.sum(axis=1), columns.sum(axis=1))).sum())
    if total == 0:
        return None
    inside = rows @ coverage(region, width, height) @ columns.T
    return float((heat * inside).sum()) / total


def _fields(count: int, side: int, offset: float, pixels: int) -> NDArray[np.float64]:
    """How much of each pixel lies in each field of the grid along one side: float64 (count, pixels)."""
    edges = np.arange(count + 1) * side / count - offset
    starts, ends = edges[:-1, None], edges[1:, None]
    steps = np.arange(pixels)[None, :]
    return np.asarray(np.clip(np.minimum(steps + 1, ends) - np.maximum(steps, starts), 0, None), np.float64)


def area(region: dict[str, Any]) -> float:
    """The area of a region in pixels."""
    if region["kind"] == "brush":
        return float(sum(length for _, length in region["runs"]))
    sides = float(region["x1"] - region["x0"]) * float(region["y1"] - region["y0"])
    return sides if region["kind"] == "rectangle" else sides * math.pi / 4


def outline(region: dict[str, Any], width: int) -> tuple[float, float, str]:
    """The upper left corner of a region, and the region as an SVG path; in pixels of a picture of `width`.

    A brush stroke is the union of its runs, each a rectangle of one row.
    """
    if region["kind"] == "brush":
        return _outline_of_runs(region["runs"], width)
    x0, y0, x1, y1 = (float(region[name]) for name in ("x0", "y0", "x1", "y1"))
    if region["kind"] == "rectangle":
        return x0, y0, f"M{x0:g} {y0:g}H{x1:g}V{y1:g}H{x0:g}Z"
    across, down = (x1 - x0) / 2, (y1 - y0) / 2
    half = f"a{across:g} {down:g} 0 0 1"
    return x0, y0, f"M{x0:g} {y0 + down:g}{half} {2 * across:g} 0{half} {-2 * across:g} 0Z"


def _outline_of_runs(runs: list[list[int]], width: int) -> tuple[float, float, str]:
    parts: list[str] = []
    left, top = math.inf, math.inf
    for start, length in runs:
        while length > 0:
            row, column = divmod(start, width)
            here = min(length, width - column)
            parts.append(f"M{column} {row}h{here}v1h{-here}z")
            left, top = min(left, column), min(top, row)
            start, length = start + here, length - here  # noqa: PLW2901 - the rest of the same run
    return left, top, "".join(parts)
