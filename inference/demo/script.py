"""The demonstration's cases: which slice, which lesion, which scanner, which file."""

from __future__ import annotations

from dataclasses import dataclass

from inference.demo.anatomy import Plane
from inference.demo.lesions import Lesion


@dataclass(frozen=True)
class Script:
    """One case. medium: jpeg, png8, png12 (12 bits in 16) or colour."""

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
