"""How much of a heat map's heat lies where a reader has marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cases import storage
from inference.errors import InferenceError
from inference.heatmaps import unpack
from inference.preprocessing import letterbox
from inference.regions import share_inside

if TYPE_CHECKING:
    from cases.models import Prediction


def heat_in_region(prediction: Prediction, region: dict[str, Any] | None) -> float | None:
    """The share of the last layer's heat for the predicted class that lies in the region.

    None without a region, without heat, for another picture of the case, and where the stored maps cannot be
    read.
    """
    image = prediction.image
    if not region or region.get("image", 0) != image.position:
        return None
    try:
        maps = unpack(storage.load(prediction.maps_file))
    except (FileNotFoundError, InferenceError):
        return None
    values = maps.values[maps.layers[-1]][maps.class_codes.index(prediction.predicted_class)]
    share = share_inside(values, letterbox(image.width, image.height), region, image.width, image.height)
    return None if share is None else round(share, 4)
