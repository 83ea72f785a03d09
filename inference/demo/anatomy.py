"""A head to cut slices from: the MNI152 T1 template, with the skull and scalp that the template lacks drawn
around it.

Coordinates are millimetres in MNI space: x to the right, y to the front, z up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import DataError

Grid = NDArray[np.float64]

# Outer bound in mm from the brain, and brightness, of what lies around it on a T1-weighted image.
_SHELLS = ((2.5, 0.10), (4.5, 0.04), (7.5, 0.38), (9.5, 0.04), (14.5, 0.80))
_CLOSING_MM = 14.0
# White matter, so that fat and enhancing lesions stand out as they do after contrast medium.
_TISSUE_BRIGHTNESS = 0.41


@dataclass(frozen=True, eq=False)
class Head:
    """brain: [0, 1] (X, Y, Z) in 1 mm voxels. distance: mm to the closed brain's surface, negative inside."""

    brain: Grid
    distance: Grid
    origin: NDArray[np.float64]


@dataclass(frozen=True)
class Plane:
    """A cut: `view` is axial, coronal or sagittal, `offset` its place in mm, `tilt` a rotation in
    the plane in degrees.
    """

    view: str
    offset: float
    tilt: float
    field_of_view: float


@dataclass(frozen=True, eq=False)
class Cut:
    """One slice: brightness, signed distance to the brain's surface, and each pixel's x and y in mm
    (all (H, W)).
    """

    image: Grid
    distance: Grid
    u: Grid
    v: Grid


def load_head() -> Head:
    """Read the template and measure the distances around it."""
    brain, origin = load_brain()
    return Head(_TISSUE_BRIGHTNESS * np.clip(brain, 0.0, 1.0), _surface_distance(brain > 0.05), origin)


def load_brain() -> tuple[Grid, NDArray[np.float64]]:
    """Read the template from nilearn's own files; nothing is fetched.

    Returns (X, Y, Z) in 1 mm voxels, 1 at its 99.5th percentile and 0 outside, and the first voxel's place.
    Raises DataError packages_missing.
    """
    try:
        from nilearn.datasets import load_mni152_template
    except ModuleNotFoundError as error:
        raise DataError(
            "packages_missing",
            "The MNI152 template comes with the packages of requirements-dev.txt. Received no nilearn.",
        ) from error

    template = load_mni152_template(resolution=1)
    brain = np.asarray(template.get_fdata(), np.float64)
    return brain / np.percentile(brain[brain > 0], 99.5), template.affine[:3, 3]


def cut(head: Head, plane: Plane, size: int, rng: np.random.Generator) -> Cut:
    """Sample a slice of size x size pixels, individually warped, with skull and scalp."""
    half = plane.field_of_view / 2
    v, u = np.meshgrid(np.linspace(half, -half, size), np.linspace(-half, half, size), indexing="ij")
    warped_u, warped_v = u + _bumps(size, 3.5, rng), v + _bumps(size, 3.5, rng)
    voxels = [
        axis - start for axis, start in zip(_space(plane, warped_u, warped_v), head.origin, strict=True)
    ]
    brain = ndimage.map_coordinates(head.brain, voxels, order=1)
    distance = ndimage.map_coordinates(head.distance, voxels, order=1, mode="nearest")
    return Cut(_with_shells(brain, distance, rng), distance, u, v)


def _space(plane: Plane, u: Grid, v: Grid) -> tuple[Grid, Grid, Grid]:
    """Pixels of a plane as x, y, z. Seen from the front and from below; sagittal with the face to
    the left.
    """
    turn = np.radians(plane.tilt)
    a, b = np.cos(turn) * u - np.sin(turn) * v, np.sin(turn) * u + np.cos(turn) * v
    fixed = np.full_like(a, plane.offset)
    if plane.view == "axial":
        return a, b - 18.0, fixed
    if plane.view == "coronal":
        return a, fixed, b + 6.0
    return fixed, -a - 18.0, b + 6.0


def _with_shells(brain: Grid, distance: Grid, rng: np.random.Generator) -> Grid:
    """Paint fluid, bone, marrow and scalp by their distance from the brain."""
    image = np.where(distance < 0, np.maximum(brain, 0.10), 0.0)
    thickness = 1.0 + _bumps(len(brain), 0.18, rng)
    inner = 0.0
    for outer, brightness in _SHELLS:
        shell = (distance >= inner * thickness) & (distance < outer * thickness)
        image[shell] = brightness
        inner = outer
    return np.asarray(ndimage.gaussian_filter(image, 0.7))


def _surface_distance(mask: NDArray[np.bool_]) -> Grid:
    """Signed distance to the mask after closing its furrows, so that the skull is smooth."""
    outside = ndimage.distance_transform_edt(~mask)
    grown = outside < _CLOSING_MM
    closed = ndimage.distance_transform_edt(grown) >= _CLOSING_MM
    closed |= mask
    signed = ndimage.distance_transform_edt(~closed) - ndimage.distance_transform_edt(closed)
    return np.asarray(ndimage.gaussian_filter(signed.astype(np.float32), 2.0), np.float64)


def _bumps(size: int, amplitude: float, rng: np.random.Generator) -> Grid:
    """Smooth noise (size, size) with standard deviation `amplitude`, bumps about an eighth of the
    side wide.
    """
    field = ndimage.gaussian_filter(rng.standard_normal((size, size)), size / 8)
    return np.asarray(field * (amplitude / field.std()))
