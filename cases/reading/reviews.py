"""Reviews: what a reader says of a result, once and then by amendment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _t

from cases import audit
from cases.analysis import key_result
from cases.analysis.results import is_key_result
from cases.lifecycle import (
    READER_ONLY_CLASSES,
    CaseState,
    DraftState,
    Reading,
    Verdict,
    case_state_after_reviews,
    case_states_before,
)
from cases.models import Case, Claim, Draft, FirstRead, Prediction, Review
from cases.permissions import may_amend, require_reader
from cases.reading.protocols import freeze, terms_for
from cases.reading.statements import checked_other_finding, checked_region, checked_seconds

if TYPE_CHECKING:
    from portal.accounts.models import User


class ReviewConflict(Exception):
    """Another review stands where this one wanted to: `current` is the newer one."""

    def __init__(self, current: Review) -> None:
        super().__init__(_t("A newer review of this case is already stored."))
        self.current = current


@dataclass(frozen=True)
class Opinion:
    """What the reader fills in. `corrected_class` is empty where the reader agrees.

    Otherwise it is one of the network's classes, or of READER_ONLY_CLASSES.
    """

    verdict: Verdict
    corrected_class: str
    confidence: int
    comment: str = ""
    other_finding: str = ""
    region: dict[str, Any] | None = None
    active_seconds: float | None = None


def submit_review(*, by: User, case: Case, prediction: Prediction, opinion: Opinion) -> Review:
    """Store the reader's first review of the case, for good."""
    opinion = checked_opinion(by=by, case=case, prediction=prediction, opinion=opinion)
    try:
        with transaction.atomic():
            freeze(case)
            review = _create(by, case, prediction, opinion)
            Claim.objects.filter(case=case, reader=by).delete()
            _move_case_on(case)
            audit.record(by=by, action="review.submitted", subject=review, cohort=case.cohort)
    except IntegrityError:
        current = Review.objects.filter(case=case, reader=by, amended_by__isnull=True).first()
        if current is None:
            raise
        raise ReviewConflict(current) from None
    return review


def amend_review(*, by: User, review: Review, opinion: Opinion, reason: str) -> Review:
    """Store a new review in the place of `review`, with the reason; the old one stays."""
    if not may_amend(by, review):
        raise PermissionDenied(_t("Only its author can amend a review."))
    if not reason.strip():
        raise ValidationError({"reason": _t("Say why you amend this review.")})
    opinion = _whole(review.case, review.prediction, opinion)
    try:
        with transaction.atomic():
            amendment = _create(by, review.case, review.prediction, opinion, review, reason.strip())
            _move_case_on(review.case)
            audit.record(by=by, action="review.amended", subject=amendment, cohort=review.case.cohort)
    except IntegrityError:
        newer = Review.objects.filter(case=review.case, reader=by, amended_by__isnull=True)
        raise ReviewConflict(newer.get()) from None
    return amendment


def checked_opinion(*, by: User, case: Case, prediction: Prediction, opinion: Opinion) -> Opinion:
    """The opinion as it is stored. Raises PermissionDenied and ValidationError."""
    require_reader(by, case)
    if case.state == CaseState.CLOSED:
        raise ValidationError(_t("This case was closed; it is read no more."))
    if terms_for(case).reading == Reading.BLINDED and not _has_committed(by, case):
        raise PermissionDenied(_t("Commit your own read first; then the network's result is shown."))
    _check_key(by, case, prediction)
    return _whole(case, prediction, opinion)


def _check_key(by: User, case: Case, prediction: Prediction) -> None:
    """A review judges the class that stands for the case, not that of any of its images. What was submitted
    of it stays: another image may have come to stand for the case since.
    """
    submitted = Draft.objects.filter(case=case, reader=by, state=DraftState.PRELIMINARY)
    if not is_key_result(prediction) and not submitted.filter(prediction=prediction).exists():
        raise ValidationError(_t("This result does not stand for the case (any more); open the case again."))


def _has_committed(by: User, case: Case) -> bool:
    return FirstRead.objects.filter(case=case, reader=by).exists()


def final_class_of(prediction: Prediction, opinion: Opinion) -> str:
    """The reader's own class."""
    return prediction.predicted_class if opinion.verdict == Verdict.AGREE else opinion.corrected_class


def _whole(case: Case, prediction: Prediction, opinion: Opinion) -> Opinion:
    """The opinion, complete and tidied; ValidationError where it does not hold together."""
    _check_class(case, prediction, opinion)
    return replace(
        opinion,
        comment=opinion.comment.strip(),
        other_finding=checked_other_finding(final_class_of(prediction, opinion), opinion.other_finding),
        region=checked_region(opinion.region, case),
        active_seconds=checked_seconds(opinion.active_seconds),
    )


def _check_class(case: Case, prediction: Prediction, opinion: Opinion) -> None:
    if prediction.image.case_id != case.pk:
        raise ValidationError(_t("This result belongs to another case; open the case again."))
    if opinion.verdict == Verdict.AGREE:
        if opinion.corrected_class not in ("", prediction.predicted_class):
            raise ValidationError({"corrected_class": _t("Choose “Disagree” to give another class.")})
        return
    if not opinion.corrected_class:
        raise ValidationError({"corrected_class": _t("Say which class you see instead.")})
    if opinion.corrected_class == prediction.predicted_class:
        raise ValidationError(
            {"corrected_class": _t("This is the network's own class; choose “Agree” or another.")}
        )
    if opinion.corrected_class not in {**prediction.model_version.class_labels, **READER_ONLY_CLASSES}:
        raise ValidationError({"corrected_class": _t("This class is not known here.")})


def _create(
    by: User,
    case: Case,
    prediction: Prediction,
    opinion: Opinion,
    amends: Review | None = None,
    reason: str = "",
) -> Review:
    return Review.objects.create(
        case=case,
        prediction=prediction,
        reader=by,
        verdict=opinion.verdict,
        final_class=final_class_of(prediction, opinion),
        confidence=opinion.confidence,
        comment=opinion.comment,
        other_finding=opinion.other_finding,
        region=opinion.region,
        active_seconds=opinion.active_seconds,
        protocol=case.protocol,
        amends=amends,
        reason=reason,
    )


def _move_case_on(case: Case) -> None:
    """Set the clinical state and the result that stands from what its readers say; the case row is the lock.

    A case that was reviewed stays so, also where a reader amends the own review afterwards.
    """
    locked = Case.objects.select_for_update().get(pk=case.pk)
    terms = terms_for(case)
    given = list(locked.reviews.filter(amended_by__isnull=True).values_list("final_class", flat=True))
    after = case_state_after_reviews(
        len(given),
        terms.readers_required,
        differ=len(set(given)) > 1,
        is_adjudicated=terms.adjudicator is not None,
    )
    Case.objects.filter(pk=case.pk, state__in=case_states_before(after)).update(state=after)
    key_result.refresh_case(case.pk)
