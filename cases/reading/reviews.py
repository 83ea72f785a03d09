"""Reviews: what a reader says of a result, once and then by amendment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _t

from cases import audit, disclosures, events
from cases.analysis import key_result
from cases.analysis.results import is_key_result
from cases.disclosures import Seen
from cases.lifecycle import (
    CaseState,
    DraftState,
    HookEvent,
    Reading,
    case_state_after_reviews,
    case_states_before,
)
from cases.models import Adjudication, Case, Claim, Draft, FirstRead, Prediction, Review
from cases.models.review import standing
from cases.permissions import Reader, may_amend
from cases.reading.protocols import freeze, lock_case, terms_for
from cases.reading.read_input import ReadInput, checked_judgement
from cases.viewer.heat import heat_in_region

if TYPE_CHECKING:
    from portal.accounts.models import User


class ReviewConflict(Exception):
    """Another review stands where this one wanted to: `current` is the newer one."""

    def __init__(self, current: Review) -> None:
        super().__init__(_t("A newer review of this case is already stored."))
        self.current = current


def submit_review(*, reader: Reader, prediction: Prediction, read: ReadInput) -> Review:
    """Store the reader's first review of the case, for good; a later remark where the answer was shown to the
    reader before, in another role or since the case is over.

    Raises ValidationError, PermissionDenied, and ReviewConflict where the reader has reviewed it already.
    """
    by, case = reader.user, reader.case
    read = checked_review(reader=reader, prediction=prediction, read=read)
    heat = heat_in_region(prediction, read.region)
    try:
        with transaction.atomic():
            locked = lock_case(case)
            freeze(locked)
            seen = disclosures.seen_by(by, locked)
            is_remark = seen.knows_the_answer
            review = _create(by, locked, prediction, read, heat, seen=seen, is_remark=is_remark)
            Claim.objects.filter(case=case, reader=by).delete()
            if not is_remark:
                _move_case_on(locked)
            audit.record(by=by, action="review.submitted", subject=review, cohort=case.cohort)
            _tell(HookEvent.REVIEW_FINAL, review, locked)
    except IntegrityError:
        current = Review.objects.filter(case=case, reader=by, amended_by__isnull=True).first()
        if current is None:
            raise
        raise ReviewConflict(current) from None
    return review


def amend_review(*, by: User, review: Review, read: ReadInput, reason: str) -> Review:
    """Store a new review in the place of `review`, with the reason; the old one stays.

    It is a later remark, which stands beside the review and moves nothing, once the reader was shown the
    known class or another reader's; and from a dispute on, which its adjudicator decides and no side.
    """
    if not may_amend(by, review):
        raise PermissionDenied(_t("Only its author can amend a review."))
    if not reason.strip():
        raise ValidationError({"reason": _t("Say why you amend this review.")})
    read = checked_judgement(read, review.case, review.prediction)
    heat = heat_in_region(review.prediction, read.region)
    try:
        with transaction.atomic():
            # The row is the lock: a dispute that begins meanwhile is seen.
            locked = lock_case(review.case)
            seen = disclosures.seen_by(by, locked)
            is_remark = seen.knows_the_answer or is_for_adjudicator(locked)
            amendment = _create(
                by,
                locked,
                review.prediction,
                read,
                heat,
                seen=seen,
                is_remark=is_remark,
                amends=review,
                reason=reason.strip(),
            )
            if not is_remark:
                _move_case_on(locked)
            audit.record(by=by, action="review.amended", subject=amendment, cohort=review.case.cohort)
            _tell(HookEvent.REVIEW_AMENDED, amendment, locked)
    except IntegrityError:
        newer = Review.objects.filter(case=review.case, reader=by, amended_by__isnull=True)
        raise ReviewConflict(newer.get()) from None
    return amendment


def _tell(event: HookEvent, review: Review, case: Case) -> None:
    """Tell webhooks which review there is; not what it says."""
    events.tell(
        event, cohort_id=case.cohort_id, case=case.code, review=str(review.pk), remark=review.is_remark
    )


def is_for_adjudicator(case: Case) -> bool:
    """Whether the case is, or was, the adjudicator's to decide."""
    return case.state == CaseState.DISPUTED or Adjudication.objects.filter(case=case).exists()


def checked_review(*, reader: Reader, prediction: Prediction, read: ReadInput) -> ReadInput:
    """The read as it is stored. Raises PermissionDenied and ValidationError."""
    case = reader.case
    if case.state == CaseState.CLOSED:
        raise ValidationError(_t("This case was closed; it is read no more."))
    if terms_for(case).reading == Reading.BLINDED and not _has_committed(reader.user, case):
        raise PermissionDenied(_t("Commit your own read first; then the network's result is shown."))
    _check_key(reader.user, case, prediction)
    return checked_judgement(read, case, prediction)


def _check_key(by: User, case: Case, prediction: Prediction) -> None:
    """A review judges the class that stands for the case, not that of any of its images. What was submitted
    of it stays: another image may have come to stand for the case since.
    """
    submitted = Draft.objects.filter(case=case, reader=by, state=DraftState.PRELIMINARY)
    if not is_key_result(prediction) and not submitted.filter(prediction=prediction).exists():
        raise ValidationError(_t("This result does not stand for the case (any more); open the case again."))


def _has_committed(by: User, case: Case) -> bool:
    return FirstRead.objects.filter(case=case, reader=by).exists()


def _create(
    by: User,
    case: Case,
    prediction: Prediction,
    read: ReadInput,
    heat: float | None,
    *,
    seen: Seen,
    is_remark: bool,
    amends: Review | None = None,
    reason: str = "",
) -> Review:
    return Review.objects.create(
        case=case,
        prediction=prediction,
        reader=by,
        verdict=str(read.verdict),
        final_class=read.read_class,
        heat_in_region=heat,
        protocol=case.protocol,
        amends=amends,
        reason=reason,
        is_remark=is_remark,
        **read.columns(),
        **seen.columns(),
    )


def _move_case_on(case: Case) -> None:
    """Set the clinical state and the result that stands from what its readers say; the case is locked.

    A case that was reviewed stays so, also where a reader amends the own review afterwards.
    """
    terms = terms_for(case)
    given = list(case.reviews.filter(standing()).values_list("final_class", flat=True))
    after = case_state_after_reviews(
        len(given),
        terms.readers_required,
        differ=len(set(given)) > 1,
        is_adjudicated=terms.adjudicator is not None,
    )
    Case.objects.filter(pk=case.pk, state__in=case_states_before(after)).update(state=after)
    key_result.refresh_locked(case.pk)
