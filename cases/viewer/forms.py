"""What can be chosen in the viewer: layer, class, colours, opacity and channel, as a form sent by GET."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.models import Image, Prediction
from cases.viewer.images import CHANNELS
from inference.colour_maps import DEFAULT_COLOUR_MAP
from inference.heatmaps import COLOUR_MAPS, MapSet

DEFAULT_OPACITY = 50
LEGEND_STOPS = 9

COLOUR_LABELS = {"inferno": _("Inferno"), "viridis": _("Viridis"), "grey": _("Grey")}
INTERPOLATION_CHOICES = (("linear", _("Smooth")), ("nearest", _("As its fields")))
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


class ViewerForm(forms.Form):
    """What is shown. Sent by GET; a value that does not hold falls back to its default."""

    layer = forms.ChoiceField(label=_("Layer"), required=False)
    shown = forms.ChoiceField(label=_("Class"), required=False)
    colours = forms.ChoiceField(label=_("Colours"), required=False)
    interpolation = forms.ChoiceField(label=_("Map"), required=False)
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
                "interpolation": INTERPOLATION_CHOICES[0][0],
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
        "interpolation": list(INTERPOLATION_CHOICES),
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


def legend_of(name: str) -> Legend:
    """The legend of a colour map."""
    table = COLOUR_MAPS[name]
    stops = []
    for step in range(LEGEND_STOPS):
        share = step / (LEGEND_STOPS - 1)
        red, green, blue = (int(value) for value in table[round(share * 255)])
        stops.append(Stop(round(share * 100), f"#{red:02x}{green:02x}{blue:02x}", f"{share:g}"))
    return Legend(name, tuple(stops))
