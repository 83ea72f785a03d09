"""Which results of the network the page of a case shows, and how."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.formats import number_format

from cases.access import PageRequest
from cases.analysis import results
from cases.models import Case, Prediction
from cases.translation import tenths_of_percent


@dataclass(frozen=True)
class Bar:
    """The probability of one class; `percent` for people, `value` for an attribute."""

    code: str
    label: str
    probability: float
    percent: str
    value: str
    is_predicted: bool


def numbers_shown(request: PageRequest) -> bool:
    """Whether the reader asked for the numbers of a refused image all the same."""
    return "shown" in (request.GET.get("numbers"), request.POST.get("numbers"))


def is_withheld(request: PageRequest, prediction: Prediction) -> bool:
    """Whether class, probabilities and maps of a refused image stay off the page."""
    return prediction.is_refused and not numbers_shown(request)


def results_shown(request: PageRequest, case: Case, key: Prediction | None) -> dict[int, Prediction]:
    """What the viewer may lay over each picture, by position: results of the version of `key`, which stands
    for the case, and nothing while that is withheld.
    """
    if key is None or is_withheld(request, key):
        return {}
    if len(case.images.all()) == 1:
        return {key.image.position: key}
    found = results.results_by_image(request.user, case, key.model_version)
    return {position: result for position, result in found.items() if not is_withheld(request, result)}


def bars_of(prediction: Prediction) -> list[Bar]:
    """The probabilities in the network's order, so that a class always stands in the same place; as percents
    that add up.
    """
    labels = prediction.model_version.class_labels
    codes = [code for code in labels if prediction.probabilities.get(code) is not None]
    shares = [prediction.probabilities[code] for code in codes]
    return [
        Bar(
            code,
            labels[code],
            share,
            number_format(percent, decimal_pos=1),
            f"{percent:.1f}",
            code == prediction.predicted_class,
        )
        for code, share, percent in zip(codes, shares, tenths_of_percent(shares), strict=True)
    ]
