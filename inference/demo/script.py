"""The demonstration's cases: which slices, which lesion, which scanner, which files."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from inference.demo.anatomy import Plane
from inference.demo.lesions import Lesion


@dataclass(frozen=True)
class Script:
    """One slice. medium: jpeg, png8, png12 (12 bits in 16) or colour."""

    plane: Plane
    lesion: Lesion
    medium: str
    size: int


def _case(view: str, offset: float, lesion: Lesion, medium: str = "jpeg", tilt: float = 0.0) -> Script:
    size = {"jpeg": 320, "png8": 288, "png12": 256, "colour": 288}[medium]
    return Script(Plane(view, offset, tilt, 236.0 if view == "axial" else 228.0), lesion, medium, size)


_NONE = Lesion("notumor", 0.0, 0.0, 0.0)

SCRIPTS: tuple[Script, ...] = (
    _case("axial", 22, Lesion("glioma", 34, 14, 15), "png12", 2),
    _case("axial", 12, _NONE, tilt=-3),
    _case("coronal", 2, Lesion("pituitary", 1, -30, 11), "png8", 1),
    _case("axial", 34, Lesion("meningioma", -58, 20, 14), tilt=3),
    _case("coronal", -20, _NONE, "png8", -2),
    _case("axial", 40, Lesion("glioma", -30, -14, 17), tilt=-1),
    _case("sagittal", 2, Lesion("pituitary", -20, -35, 12), tilt=1),
    _case("axial", 48, Lesion("meningioma", 20, 72, 15), "png8", 2),
    _case("axial", 26, _NONE, "png12", 1),
    _case("coronal", 14, Lesion("glioma", -36, 14, 14), tilt=2),
    _case("axial", -22, Lesion("pituitary", 1, 23, 10), tilt=-2),
    _case("coronal", -34, Lesion("meningioma", 53, 40, 14), tilt=-1),
    _case("sagittal", 30, _NONE, tilt=2),
    _case("axial", 6, Lesion("glioma", -42, 6, 13), "colour", 1),
    _case("coronal", 4, Lesion("pituitary", 0, -29, 13), tilt=-2),
    _case("axial", 58, Lesion("meningioma", -40, 36, 12), "png12", -2),
    _case("axial", 44, _NONE, tilt=3),
    _case("sagittal", 34, Lesion("glioma", 14, 26, 16), tilt=-1),
    _case("sagittal", 0, Lesion("pituitary", -19, -34, 10), "png8", -1),
    _case("coronal", 30, Lesion("meningioma", -44, 40, 13), tilt=1),
    _case("axial", 52, Lesion("glioma", 24, -34, 14), tilt=-2),
    _case("coronal", -50, _NONE, tilt=2),
    _case("axial", -24, Lesion("pituitary", 0, 24, 12), tilt=2),
    _case("axial", 18, Lesion("meningioma", 60, -14, 13), tilt=-3),
)


@dataclass(frozen=True)
class Series:
    """Neighbouring slices of one head, `spacing` mm apart; the lesion is a ball around that at `middle`."""

    view: str
    first: float
    spacing: float
    count: int
    lesion: Lesion
    middle: float

    def scripts(self) -> Iterator[Script]:
        """The slices, from the first offset upwards."""
        for number in range(self.count):
            offset = self.first + number * self.spacing
            yield _case(self.view, offset, self._lesion_at(offset))

    def _lesion_at(self, offset: float) -> Lesion:
        square = self.lesion.radius**2 - (offset - self.middle) ** 2
        if square < _LEAST_RADIUS**2:
            return _NONE
        return Lesion(self.lesion.kind, self.lesion.u, self.lesion.v, math.sqrt(square))


# Below this a slice only touches the ball.
_LEAST_RADIUS = 4.0

SERIES: tuple[Series, ...] = (
    Series("axial", 2, 4, 12, Lesion("glioma", 34, 14, 17), 24),
    Series("axial", 14, 4, 12, Lesion("meningioma", -58, 20, 16), 36),
)
