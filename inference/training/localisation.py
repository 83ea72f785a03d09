"""Do the maps point at the lesion? Measured against marked boxes, beside a centre prior and a random box.

Without those two a high rate says little: lesions of some classes are nearly always central, and large boxes
are hit by chance.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.heatmaps import MapSet
from inference.training.data import Box, box_in_square
from inference.training.means import mean_of

# A centred Gaussian whose standard deviation is this share of the square's side.
_CENTRE_SPREAD = 1 / 6
_CENTRE_GRID = 64


@dataclass(frozen=True)
class Pointing:
    """hit: the map's peak lies in the box (the pointing game of Zhang et al. 2016, without
    tolerance). share: of its heat.
    """

    hit: bool
    share: float


@dataclass(frozen=True)
class Localisation:
    """One image: by layer, the true class's map against the lesion's box and against a random box
    of its size.
    """

    label: str
    lesion: Mapping[str, Pointing]
    random_box: Mapping[str, Pointing]
    centre_prior: Pointing


def localise(
    maps: MapSet, label: str, box: Box, shape: tuple[int, ...], rng: np.random.Generator
) -> Localisation:
    """Measure one image. box: in shares of the image; shape: the image's, (H, W, ...)."""
    index = maps.class_codes.index(label)
    square = maps.square_on(shape[1], shape[0])
    lesion_box = box_in_square(box, shape, square)
    other_box = box_in_square(_random_box(box, rng), shape, square)
    return Localisation(
        label=label,
        lesion={layer: point(maps.values[layer][index], lesion_box) for layer in maps.layers},
        random_box={layer: point(maps.values[layer][index], other_box) for layer in maps.layers},
        centre_prior=point(_centre_prior(), lesion_box),
    )


def point(values: NDArray[Any], box: Box) -> Pointing:
    """Compare a map (h, w) over the square with a box in shares of the square; an empty map misses.

    A cell counts for the share by the part of it that the box covers, so that small boxes count on coarse
    grids.
    """
    heat = values.astype(np.float64)
    if not heat.any():
        return Pointing(hit=False, share=0.0)
    rows, columns = heat.shape
    x0, y0, x1, y1 = box
    row, column = divmod(int(heat.argmax()), columns)
    hit = x0 <= (column + 0.5) / columns <= x1 and y0 <= (row + 0.5) / rows <= y1
    inside = _covered(rows, y0, y1) @ heat @ _covered(columns, x0, x1)
    return Pointing(hit=bool(hit), share=float(inside / heat.sum()))


def summarise(
    measured: Sequence[Localisation], groups: Sequence[str] | None = None, *, seed: int = 0
) -> dict[str, Any]:
    """Return the JSON form: under each layer's name n, `pointing` and `heat_inside`, the same for
    `random_box` and `centre_prior`, all that again under per_class; and the centre prior, which is the same
    for every layer, also by itself.

    groups: (N,) the group of each image; with two of them, `interval` holds the 95 % intervals of both
    figures.
    """
    summary: dict[str, Any] = {}
    for layer in measured[0].lesion:
        of_layer = functools.partial(_of_layer, layer=layer, seed=seed)
        summary[layer] = {**of_layer(measured, groups), "per_class": _by_class(measured, groups, of_layer)}
    prior = functools.partial(_of_prior, seed=seed)
    summary["centre_prior"] = {**prior(measured, groups), "per_class": _by_class(measured, groups, prior)}
    return summary


_Summary = Callable[[Sequence[Localisation], Sequence[str] | None], dict[str, Any]]


def _by_class(
    measured: Sequence[Localisation], groups: Sequence[str] | None, summary: _Summary
) -> dict[str, Any]:
    per_class = {}
    for label in _labels(measured):
        chosen = [index for index, each in enumerate(measured) if each.label == label]
        own = [groups[index] for index in chosen] if groups is not None else None
        per_class[label] = summary([measured[index] for index in chosen], own)
    return per_class


def _of_layer(
    measured: Sequence[Localisation], groups: Sequence[str] | None, *, layer: str, seed: int
) -> dict[str, Any]:
    return {
        **_means([each.lesion[layer] for each in measured], groups, seed),
        "random_box": _means([each.random_box[layer] for each in measured], groups, seed),
        "centre_prior": _of_prior(measured, groups, seed=seed),
    }


def _of_prior(measured: Sequence[Localisation], groups: Sequence[str] | None, *, seed: int) -> dict[str, Any]:
    return _means([each.centre_prior for each in measured], groups, seed)


def _means(points: Sequence[Pointing], groups: Sequence[str] | None, seed: int) -> dict[str, Any]:
    pointing = mean_of([each.hit for each in points], groups, seed=seed)
    inside = mean_of([each.share for each in points], groups, seed=seed)
    figures = {"n": len(points), "pointing": pointing["mean"], "heat_inside": inside["mean"]}
    if "interval" in pointing:
        figures["interval"] = {"pointing": pointing["interval"], "heat_inside": inside["interval"]}
    return figures


def _labels(measured: Sequence[Localisation]) -> list[str]:
    return sorted({each.label for each in measured})


def _random_box(box: Box, rng: np.random.Generator) -> Box:
    width, height = box[2] - box[0], box[3] - box[1]
    left, top = rng.uniform(0, max(1 - width, 0)), rng.uniform(0, max(1 - height, 0))
    return left, top, left + width, top + height


def _covered(cells: int, start: float, end: float) -> NDArray[np.float64]:
    """Return (cells,) the share of each of `cells` equal cells over [0, 1] that lies in [start, end]."""
    edges = np.arange(cells + 1) / cells
    overlap = np.minimum(edges[1:], end) - np.maximum(edges[:-1], start)
    return np.clip(overlap * cells, 0.0, 1.0)


def _centre_prior() -> NDArray[np.float64]:
    axis = (np.arange(_CENTRE_GRID) + 0.5) / _CENTRE_GRID - 0.5
    profile = np.exp(-0.5 * (axis / _CENTRE_SPREAD) ** 2)
    return np.outer(profile, profile)
