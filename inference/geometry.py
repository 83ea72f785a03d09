"""Where a slice lies in the patient, and how it is turned the way radiologists look at it.

Directions and positions are those of DICOM (PS3.3, C.7.6.2): x grows to the patient's left, y to the back, z
to the head, in millimetres.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Vector: TypeAlias = tuple[float, float, float]
# Whether rows and columns were swapped, and then left and right, top and bottom changed over.
Way: TypeAlias = tuple[bool, bool, bool]
Plane: TypeAlias = Literal["axial", "coronal", "sagittal"]

# The letters of an axis' positive and negative end.
_LETTERS = (("L", "R"), ("P", "A"), ("S", "I"))
# To the right and downwards on the screen, for slices across each axis: the patient's right is on the left
# of the screen, and in sagittal slices the face is.
_SHOWN: dict[int, tuple[Vector, Vector]] = {
    0: ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0)),
    1: ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0)),
    2: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
}
_PLANES: tuple[Plane, Plane, Plane] = ("sagittal", "coronal", "axial")
# A second letter stands where the direction is off its first axis by more than 15 degrees.
_SECOND_LETTER = math.sin(math.radians(15))
# In mm. What is more is a mistake, or an identity number that must not be kept.
_FARTHEST = 100_000.0
# Of what is taken for a right angle, and for square pixels.
_RIGHT_ANGLE, _SQUARE = 0.02, 0.01


@dataclass(frozen=True)
class Geometry:
    """What a file tells of where its picture lies; None for what it does not tell.

    right, down: unit vectors of a step to the right and downwards in the picture. position: the middle of the
    top left pixel. spacing: mm between rows, and between columns. thickness: of the slice, in mm.
    """

    right: Vector | None = None
    down: Vector | None = None
    position: Vector | None = None
    spacing: tuple[float, float] | None = None
    thickness: float | None = None

    @property
    def normal(self) -> Vector | None:
        """The unit vector across the slice, such that right, down and it are a right-handed system."""
        if self.right is None or self.down is None:
            return None
        return _vector(np.cross(self.right, self.down))

    @property
    def plane(self) -> Plane | None:
        """The plane that the slice is nearest to."""
        return None if self.normal is None else _PLANES[_main_axis(self.normal)]

    @property
    def markers(self) -> tuple[str, str, str, str] | None:
        """The letters at the left, right, top and bottom of the picture."""
        if self.right is None or self.down is None:
            return None
        right, down = np.array(self.right), np.array(self.down)
        return letters(-right), letters(right), letters(-down), letters(down)


def geometry_of(
    right: Any, down: Any, position: Any, spacing: Any, thickness: float | None = None
) -> Geometry:
    """A geometry of what a file says, without what cannot be: directions that are no right angle, spacing
    that is not above zero, metres beyond any scanner, numbers that are none.
    """
    across, along = _unit(right), _unit(down)
    if across is None or along is None or abs(float(np.dot(across, along))) > _RIGHT_ANGLE:
        across = along = None
    at = _lengths(position, 3)
    steps = _lengths(spacing, 2)
    if steps is not None and min(steps) <= 0:
        steps = None
    thick = _lengths((thickness,), 1) if thickness is not None else None
    return Geometry(
        across,
        along,
        (at[0], at[1], at[2]) if at else None,
        (steps[0], steps[1]) if steps else None,
        thick[0] if thick and thick[0] > 0 else None,
    )


def letters(direction: NDArray[Any] | Vector) -> str:
    """Where a direction leads: L, R, P, A, S or I; of one between two axes both, the nearer first."""
    parts = sorted(enumerate(direction), key=lambda part: -abs(part[1]))
    named = [_LETTERS[axis][0 if value > 0 else 1] for axis, value in parts if abs(value) > _SECOND_LETTER]
    return "".join(named[:2])


def turned(pixels: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], Geometry, Way]:
    """The picture the way radiologists look at it, its geometry there, and which way it was turned.

    pixels: (H, W) or (H, W, 3). Rows and columns are mirrored and swapped, never interpolated. Where the file
    tells no directions it stays as it is.
    """
    if geometry.right is None or geometry.down is None or geometry.normal is None:
        return pixels, geometry, (False, False, False)
    swap, flip_right, flip_down = _way(geometry.right, geometry.down, _main_axis(geometry.normal))
    if swap:
        pixels, geometry = _swapped(pixels, geometry)
    if flip_right:
        pixels, geometry = _mirrored(pixels, geometry)
    if flip_down:
        pixels, geometry = _swapped(*_mirrored(*_swapped(pixels, geometry)))
    return np.ascontiguousarray(pixels), geometry, (swap, flip_right, flip_down)


def turned_back(
    points: NDArray[np.float64], way: Way, shape: tuple[int, int], file_shape: tuple[int, int]
) -> NDArray[np.float64]:
    """Points of a picture where its file has them.

    points: float64 (n, 2), x and y from the upper left corner, 0 to the picture's width and height. way: how
    the picture was turned. shape, file_shape: rows and columns of the picture, and of the file, whose pixels
    need not be square. Returns float64 (n, 2), 0 to the file's columns and rows.
    """
    swap, flip_right, flip_down = way
    height, width = shape
    x, y = points[:, 0], points[:, 1]
    x, y = (width - x if flip_right else x), (height - y if flip_down else y)
    if swap:
        x, y, height, width = y, x, width, height
    return np.stack([x * file_shape[1] / width, y * file_shape[0] / height], axis=1)


def square_shape(height: int, width: int, aspect: float) -> tuple[int, int]:
    """Rows and columns of the picture with square pixels; aspect: the height of a pixel over its width.

    The longer side of a pixel is divided, so that no row or column is lost.
    """
    if abs(aspect - 1) <= _SQUARE:
        return height, width
    if aspect > 1:
        return round(height * aspect), width
    return height, round(width / aspect)


def squared(geometry: Geometry, before: tuple[int, ...], after: tuple[int, int]) -> Geometry:
    """The geometry of a picture that was drawn anew over the same field, with other rows and columns."""
    if geometry.spacing is None or before[:2] == after:
        return geometry
    down, across = geometry.spacing
    new = (down * before[0] / after[0], across * before[1] / after[1])
    position = geometry.position
    if position is not None and geometry.right is not None and geometry.down is not None:
        position = _vector(
            np.array(position)
            + np.array(geometry.down) * (new[0] - down) / 2
            + np.array(geometry.right) * (new[1] - across) / 2
        )
    return replace(geometry, spacing=new, position=position)


def _way(right: Vector, down: Vector, axis: int) -> Way:
    """Whether to swap rows and columns, then mirror to the side and upside down; the first of equal ways."""
    wanted_right, wanted_down = _SHOWN[axis]
    ways = [
        (swap, mirror, flip) for swap in (False, True) for mirror in (False, True) for flip in (False, True)
    ]

    def fit(way: tuple[bool, bool, bool]) -> float:
        swap, mirror, flip = way
        across, along = (down, right) if swap else (right, down)
        fit_right = float(np.dot(across, wanted_right)) * (-1 if mirror else 1)
        return fit_right + float(np.dot(along, wanted_down)) * (-1 if flip else 1)

    # A hair more than equal, so that rounding at 45 degrees turns no slice of a series another way.
    best = ways[0]
    for way in ways[1:]:
        if fit(way) > fit(best) + 1e-6:
            best = way
    return best


def _swapped(pixels: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], Geometry]:
    spacing = geometry.spacing[::-1] if geometry.spacing else None
    return pixels.swapaxes(0, 1), replace(
        geometry,
        right=geometry.down,
        down=geometry.right,
        spacing=(spacing[0], spacing[1]) if spacing else None,
    )


def _mirrored(pixels: NDArray[Any], geometry: Geometry) -> tuple[NDArray[Any], Geometry]:
    """Left and right changed over."""
    assert geometry.right is not None  # noqa: S101 - only called where directions are known
    right = np.array(geometry.right)
    position = geometry.position
    if position is not None and geometry.spacing is not None:
        position = _vector(np.array(position) + right * geometry.spacing[1] * (pixels.shape[1] - 1))
    elif position is not None:
        position = None  # where the other end is, nobody knows
    return pixels[:, ::-1], replace(geometry, right=_vector(-right), position=position)


def _main_axis(direction: Vector) -> int:
    # Of equal ones the last, so that what is half axial is shown as axial.
    sizes = [round(abs(part), 6) for part in direction]
    return 2 - sizes[::-1].index(max(sizes))


def _unit(values: Any) -> Vector | None:
    numbers = _numbers(values, 3)
    if numbers is None:
        return None
    length = math.sqrt(sum(number**2 for number in numbers))
    if not 0.9 < length < 1.1:  # direction cosines that are rounded are a little off
        return None
    return _vector(np.array(numbers) / length)


def _numbers(values: Any, count: int) -> list[float] | None:
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError, OverflowError):
        return None
    return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None


def _lengths(values: Any, count: int) -> list[float] | None:
    numbers = _numbers(values, count)
    return numbers if numbers and max(map(abs, numbers)) <= _FARTHEST else None


def _vector(values: Any) -> Vector:
    x, y, z = (float(value) + 0.0 for value in values)  # no minus zero
    return x, y, z
