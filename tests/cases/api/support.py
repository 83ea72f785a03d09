"""What the tests of the API share."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.utils import timezone

from cases.api.problems import KINDS, MEDIA_TYPE
from tests.cast import CLASSES

if TYPE_CHECKING:
    from cases.models import Cohort, ModelVersion, Review
    from portal.accounts.models import User

API = "/api/v1/"


def problem_of(response: Any, code: str) -> dict[str, Any]:
    """The body of a problem response, checked to be whole."""
    assert response["Content-Type"] == MEDIA_TYPE, response.content
    body: dict[str, Any] = json.loads(response.content)
    assert (response.status_code, body["status"]) == (KINDS[code].status, KINDS[code].status), body
    assert (body["code"], body["type"]) == (code, f"/api/v1/problems/#{code}"), body
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in body["detail"]
    return body


def streamed(response: Any) -> str:
    """All of a streamed answer."""
    return b"".join(response.streaming_content).decode()


@pytest.fixture
def add_reviews(
    db: None, owner: User, colleague: User, cohort: Cohort, model_version: ModelVersion
) -> Callable[..., list[Review]]:
    """Add reviews in bulk, all of the same moment; returns them in the order of the export."""
    from cases.models import Case, Image, Prediction, Review

    def add(
        count: int,
        *,
        at: datetime | None = None,
        into: Cohort = cohort,
        reader: User = colleague,
        **fields: Any,
    ) -> list[Review]:
        cases = Case.objects.bulk_create(Case(cohort=into, created_by=owner) for _ in range(count))
        images = Image.objects.bulk_create(
            Image(
                case=case,
                cohort=into,
                source_sha256=case.pk.hex * 2,
                source_format="png",
                source_bytes=100,
                file="images/none.png",
                width=64,
                height=48,
                bit_depth=8,
                colour="grey",
            )
            for case in cases
        )
        predictions = Prediction.objects.bulk_create(
            Prediction(
                image=image,
                model_version=model_version,
                predicted_class="glioma",
                confidence=0.7,
                probabilities={code: 0.7 if code == "glioma" else 0.1 for code in CLASSES},
                maps_file="maps/none.npz",
                seconds=0.01,
            )
            for image in images
        )
        said = {"verdict": "agree", "final_class": "glioma", "confidence": 4} | fields
        with pytest.MonkeyPatch.context() as clock:
            if at is not None:
                clock.setattr(timezone, "now", lambda: at)
            reviews = Review.objects.bulk_create(
                Review(case=case, prediction=prediction, reader=reader, **said)
                for case, prediction in zip(cases, predictions, strict=True)
            )
        return sorted(reviews, key=lambda review: (review.created_at, review.pk))

    return add
