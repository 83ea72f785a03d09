"""Cases that came in, were analysed and read on chosen days, which no door of the portal lets happen."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from cases.models import Case, Cohort, Image, ModelVersion, Prediction, Protocol, Review

if TYPE_CHECKING:
    from portal.accounts.models import User


def take_in(
    cohort: Cohort,
    *,
    by: User,
    reader: User,
    version: ModelVersion,
    day: date,
    n: int,
    read: str = "",
    **told: Any,
) -> list[Case]:
    """`n` cases of one day, each with a result and, where `read` is a class, a review of that class.

    told: what differs of each `case`, `image` and `result`. Reviews are dated where their field's own date is
    off (`auto_now_add`).
    """
    at = timezone.make_aware(datetime.combine(day, time(12)))
    protocol, _is_new = Protocol.objects.get_or_create(cohort=cohort, version=1)
    cases = [Case(cohort=cohort, created_by=by, protocol=protocol, **told.get("case", {})) for _ in range(n)]
    Case.objects.bulk_create(cases)
    Case.objects.filter(pk__in=[case.pk for case in cases]).update(created_at=at)
    images = [_image(case, told.get("image", {}), place) for place, case in enumerate(cases)]
    Image.objects.bulk_create(images)
    results = [_result(image, version, told.get("result", {})) for image in images]
    Prediction.objects.bulk_create(results)
    if read:
        Review.objects.bulk_create(_review(result, reader, protocol, read, at) for result in results)
    return cases


def _image(case: Case, told: dict[str, Any], place: int) -> Image:
    usual: dict[str, Any] = {"width": 200, "height": 180, "brightness": (place % 10) / 20}
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


def _result(image: Image, version: ModelVersion, told: dict[str, Any]) -> Prediction:
    usual: dict[str, Any] = {
        "predicted_class": "glioma",
        "gate_verdict": "accepted",
        "gate_distance": image.brightness,
    }
    return Prediction(
        image=image,
        model_version=version,
        confidence=0.7,
        probabilities={"glioma": 0.7, "meningioma": 0.1, "notumor": 0.1, "pituitary": 0.1},
        maps_file="maps/none.npz",
        seconds=0.1,
        **usual | told,
    )


def _review(result: Prediction, reader: User, protocol: Protocol, read: str, at: datetime) -> Review:
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
