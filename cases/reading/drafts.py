"""Drafts: what is typed is kept, what is submitted can be undone, and what is left behind becomes final."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.access import CaseDeleted
from cases.lifecycle import DraftState
from cases.models import Case, Draft, Prediction, Review
from cases.permissions import Reader, require_reader
from cases.reading.adjudications import adjudicate
from cases.reading.claims import take_slot
from cases.reading.preliminary import submitted
from cases.reading.read_input import ReadInput, from_draft
from cases.reading.reviews import ReviewConflict, checked_review, submit_review

if TYPE_CHECKING:
    from portal.accounts.models import User

logger = logging.getLogger(__name__)

# What a form may leave behind; longer is no draft of ours.
MAX_DRAFT_CHARACTERS = 200_000


class DraftConflict(Exception):
    """Another window was first: `current` is the newer draft, None where it is submitted or gone."""

    def __init__(self, current: Draft | None) -> None:
        super().__init__(_t("You have changed this reading in another window."))
        self.current = current


def save_draft(*, reader: Reader, fields: dict[str, Any], revision: int) -> Draft:
    """Keep what is typed, under the names of ReadInput's fields. `revision` is the one that the window knows,
    0 where it knows none.

    Raises DraftConflict where another window has changed it since, or has submitted.
    """
    by, case = reader.user, reader.case
    if len(str(fields)) > MAX_DRAFT_CHARACTERS:
        raise ValidationError(_t("This is too long to be kept as a draft."))
    own = Draft.objects.filter(case=case, reader=by)
    if revision:
        changed = own.filter(state=DraftState.DRAFT, revision=revision).update(
            fields=fields, revision=F("revision") + 1, updated_at=timezone.now()
        )
        if not changed:
            raise DraftConflict(own.first())
        return own.get()
    try:
        with transaction.atomic():
            return Draft.objects.create(case=case, reader=by, fields=fields)
    except IntegrityError:
        raise DraftConflict(own.first()) from None


def submit_preliminary(*, reader: Reader, prediction: Prediction, read: ReadInput) -> Draft:
    """Take the reader's review; it can be undone until the reader goes on to another case.

    Raises ValidationError, PermissionDenied, SlotTaken, ReviewConflict where a final review stands, and
    DraftConflict where another window has submitted.
    """
    by, case = reader.user, reader.case
    read = checked_review(reader=reader, prediction=prediction, read=read)
    if standing := Review.objects.filter(case=case, reader=by, amended_by__isnull=True).first():
        raise ReviewConflict(standing)
    with transaction.atomic():
        take_slot(reader=reader)
        draft, is_ours = submitted(by=by, case=case, read=read, prediction=prediction)
        if not is_ours:
            raise DraftConflict(draft)
        audit.record(by=by, action="review.preliminary", subject=case, cohort=case.cohort)
    return draft


def undo(*, by: User, case: Case) -> Draft:
    """Make a submitted review, or an adjudicator's decision, a draft again.

    Raises DraftConflict where it is final already.
    """
    with transaction.atomic():
        changed = Draft.objects.filter(case=case, reader=by, state=DraftState.PRELIMINARY).update(
            state=DraftState.DRAFT, revision=F("revision") + 1, updated_at=timezone.now()
        )
        if not changed:
            raise DraftConflict(None)
        draft = Draft.objects.get(case=case, reader=by)
        what = "review" if draft.prediction_id else "adjudication"
        audit.record(by=by, action=f"{what}.undone", subject=case, cohort=case.cohort)
    return draft


def finalise_of(*, by: User, but: Case | None = None) -> None:
    """Make final what the reader has submitted, except of the case that is open now."""
    submitted = Draft.objects.filter(reader=by, state=DraftState.PRELIMINARY)
    for draft in submitted.exclude(case=but) if but else submitted:
        _finalise(draft.pk)


def finalise_left_behind() -> int:
    """Make final what was submitted and left PRELIMINARY_MINUTES ago; how many there were."""
    before = timezone.now() - timedelta(minutes=settings.PRELIMINARY_MINUTES)
    left = Draft.objects.filter(state=DraftState.PRELIMINARY, updated_at__lt=before)
    return sum(_finalise(pk) for pk in left.values_list("pk", flat=True))


def _finalise(draft_id: Any) -> bool:
    """One submitted draft becomes a review, or an adjudication; whoever comes second finds it gone."""
    with transaction.atomic():
        found = Draft.objects.select_for_update(of=("self",)).filter(
            pk=draft_id, state=DraftState.PRELIMINARY
        )
        draft = found.select_related("case__cohort", "case__protocol", "reader", "prediction").first()
        if draft is None:
            return False
        try:
            with transaction.atomic():
                _make_final(draft)
        except ReviewConflict:
            pass  # said over REST meanwhile; that one stands
        except (PermissionDenied, ValidationError, CaseDeleted) as refused:
            # The reader lost the right, or the case was deleted: what was said stays a draft.
            logger.warning("What was submitted could not become final: %s", type(refused).__name__)
            Draft.objects.filter(pk=draft.pk).update(state=DraftState.DRAFT)
            return False
        Draft.objects.filter(pk=draft.pk).delete()
    return True


def _make_final(draft: Draft) -> None:
    """Store what the draft says; one that judges no result is an adjudicator's decision."""
    read = from_draft(draft.fields)
    if draft.prediction is None:
        adjudicate(by=draft.reader, case=draft.case, read=read)
        return
    reader = require_reader(draft.reader, draft.case)
    submit_review(reader=reader, prediction=draft.prediction, read=read)
