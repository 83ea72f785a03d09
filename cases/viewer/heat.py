"""How much of a heat map's heat lies where a reader has marked."""

from __future__ import annotations

from typing import Any

from cases import storage
from cases.models import Prediction
from inference.errors import InferenceError
from inference.heatmaps import unpack
from inference.regions import share_inside


def heat_in_region(prediction: Prediction, region: dict[str, Any] | None) -> float | None:
    """The share of the last layer's heat for the predicted class that lies in the region.

    prediction: the one that stands for the case, whose class it is. Where the region is marked on another
    image of the case, the heat is that of the same network on that image. None without a region, without
    heat, where that image has no result of this network, and where there are no maps or they cannot be read.
    """
    if not region or (marked := _result_at(prediction, region.get("image", 0))) is None:
        return None
    try:
        maps = unpack(storage.load(marked.maps_file))
    except (FileNotFoundError, InferenceError):
        return None
    if not maps.layers:
        return None
    image = marked.image
    values = maps.values[maps.layers[-1]][maps.class_codes.index(prediction.predicted_class)]
    square = maps.square_on(image.width, image.height)
    share = share_inside(values, square, region, image.width, image.height)
    return None if share is None else round(share, 4)


def _result_at(prediction: Prediction, position: int) -> Prediction | None:
    """The same network's result of the image at this place of the case."""
    if position == prediction.image.position:
        return prediction
    of_case = Prediction.objects.filter(
        image__case=prediction.image.case_id, model_version=prediction.model_version_id
    )
    return of_case.filter(image__position=position).select_related("image").first()
