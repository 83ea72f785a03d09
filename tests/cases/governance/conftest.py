"""A cohort whose cases came in, and were read, in weeks of the spring of 2026."""

from __future__ import annotations

from datetime import date, datetime, time

import pytest
from django.utils import timezone

from cases.models import Case, Image, Prediction, Protocol, Review

TODAY = date(2026, 5, 13)


@pytest.fixture(autouse=True)
def on_a_wednesday(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "localdate", lambda *_value: TODAY)


@pytest.fixture
def dated_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reviews are of the moment that they are given."""
    monkeypatch.setattr(Review._meta.get_field("created_at"), "auto_now_add", False)


@pytest.fixture
def came_in(dated_reviews, cohort, owner, colleague, model_version):
    """Take in `n` cases of one day, each with a result and, where `read` is a class, a review."""
    protocol = Protocol.objects.create(cohort=cohort, version=1)

    def take_in(day: date, n: int, *, read: str = "", version=model_version, **told) -> list[Case]:
        at = timezone.make_aware(datetime.combine(day, time(12)))
        cases = [
            Case(cohort=cohort, created_by=owner, protocol=protocol, **told.get("case", {})) for _ in range(n)
        ]
        Case.objects.bulk_create(cases)
        Case.objects.filter(pk__in=[case.pk for case in cases]).update(created_at=at)
        images = [_image(case, told.get("image", {}), place) for place, case in enumerate(cases)]
        Image.objects.bulk_create(images)
        results = [_result(image, version, told.get("result", {})) for image in images]
        Prediction.objects.bulk_create(results)
        if read:
            Review.objects.bulk_create(_review(result, colleague, protocol, read, at) for result in results)
        return cases

    return take_in


def _image(case: Case, told: dict, place: int) -> Image:
    usual = {"width": 200, "height": 180, "brightness": (place % 10) / 20}
    return Image(
        case=case,
        cohort=case.cohort,
        source_sha256=case.pk.hex * 2,
        source_format="PNG",
        source_bytes=1,
        file="images/none.png",
        bit_depth=8,
        colour="grey",
        **usual | told,
    )


def _result(image: Image, version, told: dict) -> Prediction:
    usual = {"predicted_class": "glioma", "gate_verdict": "accepted", "gate_distance": image.brightness}
    return Prediction(
        image=image,
        model_version=version,
        confidence=0.7,
        probabilities={"glioma": 0.7, "meningioma": 0.1, "notumor": 0.1, "pituitary": 0.1},
        maps_file="maps/none.npz",
        seconds=0.1,
        **usual | told,
    )


def _review(result: Prediction, reader, protocol, read: str, at: datetime) -> Review:
    return Review(
        case=result.image.case,
        prediction=result,
        reader=reader,
        protocol=protocol,
        final_class=read,
        verdict="agree" if read == result.predicted_class else "disagree",
        confidence=4,
        created_at=at,
    )
