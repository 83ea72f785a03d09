"""The regions that readers have marked, as the viewer shows them again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _t

from cases.models import Image, Prediction
from cases.viewer.placing import area_in_words
from inference.heatmaps import MapSet
from inference.regions import area, outline, share_inside


@dataclass(frozen=True)
class MarkedRegion:
    """Whose region it is, in words and by a letter or number for the picture."""

    owner: str
    sign: str
    region: dict[str, Any] | None


@dataclass(frozen=True)
class Mark:
    """One region over the picture: `path` as SVG writes it, in pixels of the original,
    on the case's picture at the position `image`.

    `area` is in square millimetres, empty where the pixels' size is unknown; `shares` is the share of the
    heat inside, by layer and class, in words; empty without heat maps.
    """

    owner: str
    sign: str
    image: int
    kind: str
    path: str
    x: str
    y: str
    sign_size: str
    size: str
    area: str
    shares: dict[str, dict[str, str]]
    share: str = ""


def marks_on(
    image: Image,
    regions: Iterable[MarkedRegion],
    prediction: Prediction | None,
    maps: MapSet | None,
    chosen: tuple[str, str] | None,
) -> list[Mark]:
    """The marks on one picture. `chosen` is the layer and class whose heat is shown."""
    found = [said for said in regions if said.region and said.region.get("image", 0) == image.position]
    return [_mark(image, said, said.region, prediction, maps, chosen) for said in found if said.region]


def _mark(
    image: Image,
    said: MarkedRegion,
    region: dict[str, Any],
    prediction: Prediction | None,
    maps: MapSet | None,
    chosen: tuple[str, str] | None,
) -> Mark:
    shares = _shares(image, region, maps) if prediction and maps else {}
    left, top, path = outline(region, image.width)
    return Mark(
        owner=said.owner,
        sign=said.sign,
        image=image.position,
        kind=region["kind"],
        path=path,
        x=f"{left:g}",
        y=f"{top:g}",
        sign_size=f"{max(image.width, image.height) / 28:.1f}",
        size=_percent(area(region) / (image.width * image.height)),
        area=area_in_words(image, area(region)),
        shares=shares,
        share=shares[chosen[0]][chosen[1]] if chosen and shares else "",
    )


def _shares(image: Image, region: dict[str, Any], maps: MapSet) -> dict[str, dict[str, str]]:
    box = maps.square_on(image.width, image.height)
    return {
        layer: {
            code: _words(share_inside(values, box, region, image.width, image.height))
            for code, values in zip(maps.class_codes, maps.values[layer], strict=True)
        }
        for layer in maps.layers
    }


def _words(share: float | None) -> str:
    return _t("no heat") if share is None else _percent(share)


def _percent(share: float) -> str:
    return _t("%(percent)s %%") % {"percent": number_format(round(share * 100, 1), 1)}
