"""What readers said of a case, as its page words it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from cases.access import PageRequest
from cases.disclosures import Seen
from cases.lifecycle import READER_ONLY_CLASSES
from cases.models import Prediction, Review
from cases.reading.read_input import ReadInput, from_draft, read_of
from cases.reading.shown_results import is_withheld
from cases.reading.stage import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portal.accounts.models import User


@dataclass(frozen=True)
class ReadItem:
    """What one reader said, as the page words it: a first read, a review, or one that can still be undone."""

    said: ReadInput
    label: str
    reader: User
    at: datetime
    is_own: bool = True
    is_current: bool = True
    is_amendment: bool = False
    is_remark: bool = False
    seen: Seen | None = None
    shows_verdict: bool = False
    reason: str = ""
    review_id: UUID | None = None
    prediction_id: UUID | None = None


def first_item(stage: Stage, labels: Mapping[str, str]) -> ReadItem | None:
    """What the reader committed."""
    first = stage.first_read
    if first is None:
        return None
    label = labels.get(first.read_class, first.read_class)
    return ReadItem(read_of(first), label, first.reader, first.created_at)


def preliminary_item(request: PageRequest, stage: Stage) -> ReadItem | None:
    """What was submitted and can still be undone."""
    draft = stage.draft
    if draft is None or draft.prediction is None or not stage.is_preliminary:
        return None
    said = from_draft(draft.fields)
    return ReadItem(
        said,
        _label_by(draft.prediction, said.read_class),
        request.user,
        draft.updated_at,
        shows_verdict=not is_withheld(request, draft.prediction),
        prediction_id=draft.prediction_id,
    )


def item_of(request: PageRequest, review: Review) -> ReadItem:
    """A stored review as the page words it."""
    return ReadItem(
        read_of(review),
        _label_by(review.prediction, review.final_class),
        review.reader,
        review.created_at,
        is_own=review.reader_id == request.user.pk,
        is_current=is_standing(review),
        is_amendment=review.amends_id is not None,
        is_remark=review.is_remark,
        seen=Seen(review.seen_network_at, review.seen_truth_at, review.seen_peers_at),
        shows_verdict=not is_withheld(request, review.prediction),
        reason=review.reason,
        review_id=review.pk,
        prediction_id=review.prediction_id,
    )


def is_standing(review: Review) -> bool:
    """Whether the review is what its reader says of the case for the study: `standing`, of a loaded row."""
    newer = getattr(review, "amended_by", None)
    return not review.is_remark and (newer is None or newer.is_remark)


def _label_by(prediction: Prediction, code: str) -> str:
    """A class in the words of the network that was judged."""
    return str(READER_ONLY_CLASSES.get(code) or prediction.model_version.class_labels.get(code, code))
