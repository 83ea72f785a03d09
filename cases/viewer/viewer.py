"""What the viewer shows: which pictures, where they lie, and what can be chosen.

Everything is in pixels of the original image. Base and heat map fill the view box from
(0, 0) to (width, height), so that both move as one at any size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _t

from cases.models import Case, Image, Prediction
from cases.translation import percent_of
from cases.viewer.forms import Legend, ViewerForm, legend_of
from cases.viewer.images import maps_of
from cases.viewer.marks import Mark, MarkedRegion, marks_on
from cases.viewer.placing import Markers, further_windows_of, geometry_of, markers_of
from inference.errors import InferenceError
from inference.heatmaps import COLOUR_MAPS, MapSet

# Placeholders of the addresses that the module fills in; no layer or class is named so.
LAYER_PLACE, CLASS_PLACE = "LAYER", "CLASS"


@dataclass(frozen=True)
class ViewBox:
    """Where the base and the map lie, as numbers for SVG attributes."""

    width: int
    height: int


@dataclass(frozen=True)
class Heat:
    """The chosen heat map."""

    map: str
    overlay: str
    opacity: str
    grid: str
    has_evidence: bool
    class_label: str
    colours: str
    legends: tuple[Legend, ...]


@dataclass(frozen=True)
class Slice:
    """One picture of the case's many.

    `query` is the query string that leads to it; `finding` is the network's class for this picture alone, in
    words; `is_key`: its result stands for the case.
    """

    position: int
    number: int
    query: str
    finding: str
    is_key: bool


@dataclass(frozen=True)
class Viewer:
    """All that the viewer's template needs. `heat` is None where there is nothing (more) to lay over; `marks`
    are those on this picture, `all_marks` those on any of the case, for who turns to it.

    `windows` are the numbers of further windows that a file of the case has.

    `data` is what its module works with: where every picture of the case and its maps are, and the facts that
    change with layer and class.
    """

    view_box: ViewBox
    form: ViewerForm
    base: str
    heat: Heat | None
    marks: list[Mark]
    all_marks: list[Mark]
    count: int
    markers: Markers | None
    windows: range
    here: Slice
    before: Slice | None
    after: Slice | None
    data: dict[str, Any]


def viewer_of(
    case: Case,
    image: Image,
    results: Mapping[int, Prediction],
    query: Any,
    *,
    key: Prediction | None = None,
    regions: Iterable[MarkedRegion] = (),
) -> Viewer:
    """The viewer on `image`, as `query` (a query string) chooses it.

    `results`: the result to show of each picture, by the picture's position; one without has no heat. `key`:
    the one that stands for the case, where it may be known.
    """
    prediction = results.get(image.position)
    maps = _readable_maps(prediction)
    form = ViewerForm(query, image=image, prediction=prediction, maps=maps)
    heat = _heat(case, prediction, maps, form) if prediction and maps else None
    chosen = (form.shows["layer"], form.shows["shown"]) if heat else None
    images = list(case.images.all())
    regions = list(regions)
    marks = marks_on(image, regions, prediction, maps, chosen)
    elsewhere = [
        mark for each in images if each != image for mark in marks_on(each, regions, None, None, None)
    ]
    at = images.index(image)
    slices = [
        Slice(
            each.position,
            number,
            _query(query, each),
            _finding(each, results),
            is_key=bool(results) and key is not None and each.pk == key.image_id,
        )
        for number, each in enumerate(images, 1)
    ]
    return Viewer(
        ViewBox(image.width, image.height),
        form,
        f"{_address('base', case, image)}&{urlencode({'channel': form.shows['channel']})}",
        heat,
        marks,
        marks + elsewhere,
        len(images),
        markers_of(image),
        range(2, 2 + max((len(further_windows_of(each)) for each in images), default=0)),
        slices[at],
        slices[at - 1] if at else None,
        slices[at + 1] if at + 1 < len(images) else None,
        {
            "images": [
                _places(case, each, results.get(each.position))
                | {"finding": here.finding, "isKey": here.is_key}
                for each, here in zip(images, slices, strict=True)
            ],
            "at": at,
            "grids": _grids(maps),
            "evidence": _evidence(maps),
            "shares": [mark.shares for mark in marks],
            "colours": {name: table.tobytes().hex() for name, table in COLOUR_MAPS.items()} if heat else {},
        },
    )


def _finding(image: Image, results: Mapping[int, Prediction]) -> str:
    """The network's class for one picture of many; nothing while no result may be shown."""
    if not results:
        return ""
    if prediction := results.get(image.position):
        return f"{prediction.predicted_label}, {percent_of(prediction.confidence)}"
    return _t("no class")


def _query(query: Any, image: Image) -> str:
    """The query string `query`, with this picture instead of the present one."""
    given = {name: value for name, value in query.items() if name != "image"}
    return urlencode(given | {"image": image.position})


def _address(name: str, case: Case, image: Image) -> str:
    return f"{reverse(f'cases:{name}', args=[case.code])}?{urlencode({'image': image.position})}"


def _places(case: Case, image: Image, prediction: Prediction | None) -> dict[str, Any]:
    """Where the module finds one picture, and its maps."""
    places: dict[str, Any] = {
        "position": image.position,
        "width": image.width,
        "height": image.height,
        "isColour": image.colour == "rgb",
        "windows": further_windows_of(image),
        "spacing": geometry_of(image).spacing,
        "sides": asdict(markers) if (markers := markers_of(image)) else {},
        "base": _address("base", case, image),
        "volume": _address("base-nifti", case, image),
        "heat": None,
    }
    if prediction:
        where = [case.code, prediction.pk, LAYER_PLACE, CLASS_PLACE]
        places["heat"] = {
            "map": reverse("cases:map", args=where),
            "volume": reverse("cases:map-nifti", args=where),
            "overlay": reverse("cases:overlay", args=where),
        }
    return places


def _readable_maps(prediction: Prediction | None) -> MapSet | None:
    """The maps, or None where there are none, or they are damaged; the rest of the page still serves."""
    if prediction is None:
        return None
    try:
        maps = maps_of(prediction)
    except (FileNotFoundError, InferenceError):
        return None
    return maps if maps.layers else None


def _heat(case: Case, prediction: Prediction, maps: MapSet, form: ViewerForm) -> Heat:
    shows = form.shows
    layer, shown, colours = shows["layer"], shows["shown"], shows["colours"]
    interpolation = shows["interpolation"]
    address = [case.code, prediction.pk, layer, shown]
    return Heat(
        map=(
            f"{reverse('cases:map', args=address)}"
            f"?{urlencode({'colours': colours, 'interpolation': interpolation})}"
        ),
        overlay=(
            f"{reverse('cases:overlay', args=address)}"
            f"?{urlencode({'colours': colours, 'opacity': shows['opacity'], 'interpolation': interpolation})}"
        ),
        opacity=f"{shows['opacity'] / 100:g}",
        grid=_grids(maps)[layer],
        has_evidence=_evidence(maps)[layer][shown],
        class_label=prediction.model_version.class_labels.get(shown, shown),
        colours=colours,
        legends=tuple(legend_of(name) for name in COLOUR_MAPS),
    )


def _grids(maps: MapSet | None) -> dict[str, str]:
    """Columns and rows of each layer's maps, in words."""
    if maps is None:
        return {}
    shapes = {layer: maps.values[layer].shape for layer in maps.layers}
    return {layer: f"{shape[2]} × {shape[1]}" for layer, shape in shapes.items()}  # noqa: RUF001 - times


def _evidence(maps: MapSet | None) -> dict[str, dict[str, bool]]:
    """Whether the network found anything, by layer and class."""
    if maps is None:
        return {}
    return {
        layer: {
            code: bool(scale > 0) for code, scale in zip(maps.class_codes, maps.scales[layer], strict=True)
        }
        for layer in maps.layers
    }
