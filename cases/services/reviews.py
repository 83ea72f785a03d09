"""What readers say of cases. Rows are only ever added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _t

from cases.lifecycle import Verdict, case_state_after_reviews, case_states_before
from cases.models import Case, Prediction, Review
from cases.permissions import Action, may_amend, require
from cases.services import audit

if TYPE_CHECKING:
    from portal.accounts.models import User


class ReviewConflict(Exception):
    """Another review stands where this one wanted to: `current` is the newer one."""

    def __init__(self, current: Review) -> None:
        super().__init__(_t("A newer review of this case is already stored."))
        self.current = current


@dataclass(frozen=True)
class Opinion:
    """What the reader fills in. `corrected_class` is empty where the reader agrees."""

    verdict: Verdict
    corrected_class: str
    confidence: int
    comment: str = ""


def submit_review(*, by: User, case: Case, prediction: Prediction, opinion: Opinion) -> Review:
    """Store the reader's first review of the case."""
    require(by, Action.REVIEW, case.cohort)
    final_class = _final_class(case, prediction, opinion)
    try:
        with transaction.atomic():
            review = _create(by, case, prediction, opinion, final_class)
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
    final_class = _final_class(review.case, review.prediction, opinion)
    try:
        with transaction.atomic():
            amendment = _create(
                by, review.case, review.prediction, opinion, final_class, review, reason.strip()
            )
            audit.record(by=by, action="review.amended", subject=amendment, cohort=review.case.cohort)
    except IntegrityError:
        newer = Review.objects.filter(case=review.case, reader=by, amended_by__isnull=True)
        raise ReviewConflict(newer.get()) from None
    return amendment


def _final_class(case: Case, prediction: Prediction, opinion: Opinion) -> str:
    """The reader's class; ValidationError where the opinion does not hold together."""
    if prediction.image.case_id != case.pk:
        raise ValidationError(_t("This result belongs to another case; open the case again."))
    if opinion.verdict == Verdict.AGREE:
        if opinion.corrected_class not in ("", prediction.predicted_class):
            raise ValidationError({"corrected_class": _t("Choose “Disagree” to give another class.")})
        return prediction.predicted_class
    if not opinion.corrected_class:
        raise ValidationError({"corrected_class": _t("Say which class you see instead.")})
    if opinion.corrected_class == prediction.predicted_class:
        raise ValidationError(
            {"corrected_class": _t("This is the network's own class; choose “Agree” or another.")}
        )
    if opinion.corrected_class not in prediction.model_version.class_labels:
        raise ValidationError({"corrected_class": _t("This class is not known here.")})
    return opinion.corrected_class


def _create(
    by: User,
    case: Case,
    prediction: Prediction,
    opinion: Opinion,
    final_class: str,
    amends: Review | None = None,
    reason: str = "",
) -> Review:
    return Review.objects.create(
        case=case,
        prediction=prediction,
        reader=by,
        verdict=opinion.verdict,
        final_class=final_class,
        confidence=opinion.confidence,
        comment=opinion.comment.strip(),
        amends=amends,
        reason=reason,
    )


def _move_case_on(case: Case) -> None:
    """Set the clinical state from the number of readers; the case row is the lock.

    A case that was reviewed stays so, also where its cohort wants more readers since.
    """
    locked = Case.objects.select_for_update().get(pk=case.pk)
    readers = locked.reviews.filter(amends__isnull=True).count()
    after = case_state_after_reviews(readers, case.cohort.readers_required)
    Case.objects.filter(pk=case.pk, state__in=case_states_before(after)).update(state=after)
