"""What the viewer shows: which pictures, where they lie, and what can be chosen.

Everything is in pixels of the original image. The base fills the view box from
(0, 0) to (width, height); a heat map covers the letterboxed square, whose corner
lies at (-left, -top), so that both move as one at any size.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from cases.models import Case, Image, Prediction
from cases.pages.images import CHANNELS, maps_of
from inference.colour_maps import DEFAULT_COLOUR_MAP
from inference.errors import InferenceError
from inference.heatmaps import COLOUR_MAPS, MapSet
from inference.preprocessing import letterbox

DEFAULT_OPACITY = 50
LEGEND_STOPS = 9
# Placeholders of the addresses that the module fills in; no layer or class is named so.
LAYER_PLACE, CLASS_PLACE = "LAYER", "CLASS"

COLOUR_LABELS = {"inferno": _("Inferno"), "viridis": _("Viridis"), "grey": _("Grey")}
CHANNEL_LABELS = {
    "grey": _("Grey"),
    "rgb": _("All channels"),
    "red": _("Red"),
    "green": _("Green"),
    "blue": _("Blue"),
}


@dataclass(frozen=True)
class Stop:
    """One stop of a legend: percent along it, and a colour as CSS writes it."""

    offset: int
    colour: str
    opacity: str


@dataclass(frozen=True)
class Legend:
    """A colour map from no evidence to the map's own maximum."""

    name: str
    stops: tuple[Stop, ...]


@dataclass(frozen=True)
class Frame:
    """Where the base and the map lie, as numbers for SVG attributes."""

    width: int
    height: int
    side: int
    left: str
    top: str


@dataclass(frozen=True)
class Viewer:
    """All that the viewer's template needs. `heat` is None where there is nothing (more) to lay over."""

    frame: Frame
    form: ViewerForm
    base: str
    heat: Heat | None


@dataclass(frozen=True)
class Heat:
    """The chosen heat map. `places` are the addresses and facts that the module switches between."""

    map: str
    overlay: str
    opacity: str
    grid: str
    has_evidence: bool
    class_label: str
    colours: str
    legends: tuple[Legend, ...]
    places: dict[str, Any]


class ViewerForm(forms.Form):
    """What is shown. Sent by GET; a value that does not hold falls back to its default."""

    layer = forms.ChoiceField(label=_("Layer"), required=False)
    shown = forms.ChoiceField(label=_("Class"), required=False)
    colours = forms.ChoiceField(label=_("Colours"), required=False)
    channel = forms.ChoiceField(label=_("Channel"), required=False)
    opacity = forms.IntegerField(
        label=_("Opacity"),
        required=False,
        min_value=0,
        max_value=100,
        widget=forms.NumberInput(attrs={"type": "range", "step": 5}),
    )

    def __init__(
        self, data: Any, *, image: Image, prediction: Prediction | None, maps: MapSet | None
    ) -> None:
        super().__init__()
        self.defaults: dict[str, Any] = {"channel": "grey"}
        choices: dict[str, list[tuple[str, Any]]] = {
            "channel": [(name, CHANNEL_LABELS[name]) for name in CHANNELS] if image.colour == "rgb" else []
        }
        if prediction and maps:
            self.defaults |= {
                "layer": maps.layers[-1],
                "shown": prediction.predicted_class,
                "colours": DEFAULT_COLOUR_MAP,
                "opacity": DEFAULT_OPACITY,
            }
            choices |= _heat_choices(prediction, maps)
        self._offer(choices)
        self.shows = self.defaults | _valid_part(self, data)
        self.initial = self.shows

    def _offer(self, choices: dict[str, list[tuple[str, Any]]]) -> None:
        """Keep the fields that there is something to choose in."""
        for name in list(self.fields):
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = choices.get(name, [])
                if not field.choices:
                    del self.fields[name]
        if "layer" not in self.fields:
            del self.fields["opacity"]


def _heat_choices(prediction: Prediction, maps: MapSet) -> dict[str, list[tuple[str, Any]]]:
    labels = {layer["name"]: layer["label"] for layer in prediction.model_version.layers}
    classes = prediction.model_version.class_labels
    return {
        "layer": [(name, labels.get(name, name)) for name in maps.layers],
        "shown": [(code, classes.get(code, code)) for code in maps.class_codes],
        "colours": [(name, COLOUR_LABELS.get(name, name)) for name in COLOUR_MAPS],
    }


def _valid_part(form: ViewerForm, data: Any) -> dict[str, Any]:
    """The values of `data` that hold for the form's fields."""
    given: dict[str, Any] = {}
    for name, field in form.fields.items():
        try:
            value = field.clean(data.get(name))
        except forms.ValidationError:
            continue
        if value not in ("", None):
            given[name] = value
    return given


def viewer_of(case: Case, image: Image, prediction: Prediction | None, data: Any) -> Viewer:
    """The viewer as `data` (a query string) chooses it."""
    maps = _readable_maps(prediction)
    form = ViewerForm(data, image=image, prediction=prediction, maps=maps)
    box = letterbox(image.width, image.height)
    frame = Frame(image.width, image.height, box.side, f"{0 - box.left:g}", f"{0 - box.top:g}")
    base = reverse("cases:base", args=[case.code])
    heat = _heat(case, prediction, maps, form, base) if prediction and maps else None
    return Viewer(frame, form, f"{base}?{urlencode({'channel': form.shows['channel']})}", heat)


def _readable_maps(prediction: Prediction | None) -> MapSet | None:
    """The maps, or None where they are missing or damaged; the rest of the page still serves."""
    if prediction is None:
        return None
    try:
        return maps_of(prediction)
    except (FileNotFoundError, InferenceError):
        return None


def _heat(case: Case, prediction: Prediction, maps: MapSet, form: ViewerForm, base: str) -> Heat:
    shows = form.shows
    layer, shown, colours = shows["layer"], shows["shown"], shows["colours"]
    where = [case.code, prediction.pk, LAYER_PLACE, CLASS_PLACE]
    places = {
        "base": base,
        "map": reverse("cases:map", args=where),
        "overlay": reverse("cases:overlay", args=where),
        "grids": {name: _grid(maps, name) for name in maps.layers},
        "evidence": {
            name: {code: _has_evidence(maps, name, code) for code in maps.class_codes} for name in maps.layers
        },
    }
    address = [case.code, prediction.pk, layer, shown]
    return Heat(
        map=f"{reverse('cases:map', args=address)}?{urlencode({'colours': colours})}",
        overlay=(
            f"{reverse('cases:overlay', args=address)}"
            f"?{urlencode({'colours': colours, 'opacity': shows['opacity']})}"
        ),
        opacity=f"{shows['opacity'] / 100:g}",
        grid=_grid(maps, layer),
        has_evidence=_has_evidence(maps, layer, shown),
        class_label=prediction.model_version.class_labels.get(shown, shown),
        colours=colours,
        legends=tuple(_legend(name) for name in COLOUR_MAPS),
        places=places,
    )


def _grid(maps: MapSet, layer: str) -> str:
    rows, columns = maps.values[layer].shape[1:]
    return f"{columns} × {rows}"  # noqa: RUF001 - the sign of multiplication


def _has_evidence(maps: MapSet, layer: str, shown: str) -> bool:
    return bool(maps.scales[layer][maps.class_codes.index(shown)] > 0)


def _legend(name: str) -> Legend:
    table = COLOUR_MAPS[name]
    stops = []
    for step in range(LEGEND_STOPS):
        share = step / (LEGEND_STOPS - 1)
        red, green, blue = (int(value) for value in table[round(share * 255)])
        stops.append(Stop(round(share * 100), f"#{red:02x}{green:02x}{blue:02x}", f"{share:g}"))
    return Legend(name, tuple(stops))
