"""Simulated masses, drawn into a slice. They mimic how a textbook describes each kind on contrast-
enhanced T1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from inference.demo.anatomy import Cut, Grid


@dataclass(frozen=True)
class Lesion:
    """kind: a class code. u, v: centre in the slice in mm. radius: mm."""

    kind: str
    u: float
    v: float
    radius: float


def draw(slice_: Cut, lesion: Lesion, rng: np.random.Generator) -> Grid:
    """Return the slice's image (H, W) with the lesion in it."""
    return _PAINTERS[lesion.kind](slice_, lesion, rng)


def _glioma(slice_: Cut, lesion: Lesion, rng: np.random.Generator) -> Grid:
    """Infiltrating: an irregular enhancing rim around a dark core, in a dark, finger-like oedema of
    the white matter.
    """
    depth = _depth(slice_, lesion, rng, roughness=0.30)
    inside = slice_.distance < -1.0
    fingers = ndimage.gaussian_filter(rng.standard_normal(depth.shape), 5.0)
    reach = depth + 9.0 * fingers / fingers.std()
    oedema = (
        np.clip((reach + 16.0) / 12.0, 0.0, 1.0) * inside * np.clip((slice_.image - 0.30) / 0.2, 0.0, 1.0)
    )
    image = slice_.image * (1.0 - 0.42 * oedema)
    rim_width = 3.2 + 1.2 * fingers / fingers.std()
    rim = _edge(depth) * _edge(np.maximum(rim_width, 1.2) - depth) * inside
    core = _edge(depth - rim_width) * inside
    image += core * (0.17 + 0.05 * fingers / fingers.std() - image)
    return np.asarray(image + rim * (0.93 - image))


def _meningioma(slice_: Cut, lesion: Lesion, rng: np.random.Generator) -> Grid:
    """Outside the brain's substance: a smooth, evenly bright mass with a broad base at the skull, a
    cleft and a tail.
    """
    depth = _depth(slice_, lesion, rng, roughness=0.13)
    room = _edge(1.6 - slice_.distance)
    cleft = _edge(depth + 2.0) * (slice_.distance < -2.0)
    image = slice_.image - cleft * 0.35 * slice_.image
    near = np.hypot(slice_.u - lesion.u, slice_.v - lesion.v) < lesion.radius + 14.0
    tail = _edge(1.0 - np.abs(slice_.distance - 0.4)) * near
    image += 0.7 * tail * (0.80 - image)
    grain = 0.86 + 0.05 * rng.standard_normal(depth.shape)
    return np.asarray(image + _edge(depth) * room * (ndimage.gaussian_filter(grain, 1.0) - image))


def _pituitary(slice_: Cut, lesion: Lesion, rng: np.random.Generator) -> Grid:
    """A well-defined, moderately bright mass in and above the sella, a little inhomogeneous."""
    depth = _depth(slice_, lesion, rng, roughness=0.14)
    texture = ndimage.gaussian_filter(rng.standard_normal(depth.shape), 3.0)
    filling = 0.80 + 0.05 * texture / texture.std()
    image = slice_.image - 0.4 * _edge(depth + 1.8) * slice_.image
    return np.asarray(image + _edge(depth) * (filling - image))


def _nothing(slice_: Cut, lesion: Lesion, rng: np.random.Generator) -> Grid:
    return slice_.image


_PAINTERS: Mapping[str, Callable[[Cut, Lesion, np.random.Generator], Grid]] = {
    "glioma": _glioma,
    "meningioma": _meningioma,
    "pituitary": _pituitary,
    "notumor": _nothing,
}


def _depth(slice_: Cut, lesion: Lesion, rng: np.random.Generator, roughness: float) -> Grid:
    """Distance in mm to the lesion's outline, positive inside; the outline is a circle with random waves."""
    u, v = slice_.u - lesion.u, slice_.v - lesion.v
    angle = np.arctan2(v, u)
    waves = sum(
        rng.uniform(-1, 1) / order * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
        for order in range(2, 7)
    )
    return np.asarray(lesion.radius * (1.0 + roughness * waves) - np.hypot(u, v))


def _edge(distance: Grid) -> Grid:
    """A soft step, 1 where distance is well above 0; partial volume of about a millimetre."""
    return np.clip(distance / 1.2 + 0.5, 0.0, 1.0)
