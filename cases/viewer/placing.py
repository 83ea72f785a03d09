"""What a stored image tells of its place in the patient, and of how its file wants it shown."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.models import Image
from inference.formats.wire import geometry_of_plain, intensity_of_plain
from inference.geometry import Geometry

# Of one file; more than any scanner writes.
MOST_WINDOWS = 8
PLANES = {"axial": _("axial"), "coronal": _("coronal"), "sagittal": _("sagittal")}


@dataclass(frozen=True)
class Markers:
    """The letters at the sides of the picture: R, L, A, P, S, I, or two of them."""

    left: str
    right: str
    top: str
    bottom: str


def geometry_of(image: Image) -> Geometry:
    """Where the picture lies; empty where its file did not tell."""
    return geometry_of_plain(image.geometry)


def markers_of(image: Image) -> Markers | None:
    """The letters for the picture's sides; None where the orientation is unknown."""
    markers = geometry_of(image).markers
    return Markers(*markers) if markers else None


def window_of(image: Image) -> tuple[float, float] | None:
    """The greys that the file shows as black and white; None where it does not say."""
    windows = intensity_of_plain(image.intensity).windows
    return windows[0] if windows else None


def further_windows_of(image: Image) -> list[tuple[float, float]]:
    """The other windows of the file, to choose from."""
    return list(intensity_of_plain(image.intensity).windows[1:MOST_WINDOWS])


def orientation_in_words(image: Image) -> str:
    """The plane, for who reads what is said of the picture."""
    plane = geometry_of(image).plane
    return str(PLANES[plane]) if plane else _t("unknown: left and right are not assured")


def spacing_in_words(image: Image) -> str:
    """Millimetres between pixels, and the slice's thickness; empty where unknown."""
    geometry = geometry_of(image)
    if geometry.spacing is None:
        return ""
    sizes = [*geometry.spacing, *([geometry.thickness] if geometry.thickness else [])]
    return " × ".join(number_format(round(size, 2), 2) for size in sizes) + " mm"  # noqa: RUF001 - times


def area_in_words(image: Image, pixels: float) -> str:
    """So many pixels of the picture in square millimetres; empty where their size is unknown."""
    spacing = geometry_of(image).spacing
    if spacing is None:
        return ""
    return _t("%(area)s mm²") % {"area": number_format(round(pixels * spacing[0] * spacing[1], 1), 1)}
