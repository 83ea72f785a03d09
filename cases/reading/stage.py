"""How far one reader is with one case. Looking changes nothing; `with_slot` is the act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError

from cases.analysis import results
from cases.lifecycle import DraftState, Reading
from cases.models import Review
from cases.permissions import Action, actions_in, reader_of
from cases.reading.claims import SlotTaken, claim_case, look_for_slot
from cases.reading.protocols import terms_for
from cases.reading.queries import own_draft, own_first_read

if TYPE_CHECKING:
    from cases.models import Case, Draft, FirstRead
    from cases.permissions import Reader
    from portal.accounts.models import User


@dataclass(frozen=True)
class Stage:
    """How far this reader is with this case.

    `actions`: all that the reader may do in the cohort. `reader`: None where the case is not the user's to
    read for the study. `is_blind`: no result may be shown yet. `held`: until when a slot is this reader's, as
    a script hands it on. `taken`: others fill the case; `taken_until` is when that may end. `has_result`:
    there is one that could be shown, where that was asked already.
    """

    actions: frozenset[Action]
    reader: Reader | None = None
    is_blind: bool = False
    first_read: FirstRead | None = None
    draft: Draft | None = None
    held: str = ""
    taken: bool = False
    taken_until: datetime | None = None
    has_result: bool = False

    @property
    def is_preliminary(self) -> bool:
        """Whether the reader has submitted, and can still undo it."""
        return self.draft is not None and self.draft.state == DraftState.PRELIMINARY

    @property
    def committed_class(self) -> str:
        """The class of the own first read; empty without one."""
        return self.first_read.read_class if self.first_read else ""

    @property
    def typed(self) -> dict[str, Any]:
        """What the reader has typed so far, under the names of ReadInput's fields."""
        return self.draft.fields if self.draft else {}


def stage_of(user: User, case: Case) -> Stage:
    """The stage, without a slot; three queries for a reader, one for anybody else."""
    actions = actions_in(user, case.cohort)
    reader = reader_of(user, case, actions)
    if reader is None:
        return Stage(actions)
    first = own_first_read(user, case)
    is_blind = first is None and terms_for(case).reading == Reading.BLINDED
    return Stage(actions, reader, is_blind, first, own_draft(user, case))


def with_slot(stage: Stage) -> Stage:
    """Take a slot for a reader whom the case waits for, or hold the own one for longer.

    An administrator, who looks at cases for other reasons too, takes one only by saving a review, or by
    taking it over from others who fill the case.
    """
    reader = stage.reader
    if reader is None or stage.is_preliminary or not _waits(reader):
        return stage
    stage = replace(stage, has_result=True)
    try:
        claim = (look_for_slot if Action.MANAGE in stage.actions else claim_case)(reader=reader)
    except SlotTaken as full:
        return taken_by_others(stage, full)
    except ValidationError:
        return stage  # moved to another cohort since the page was asked for: there is nothing to hold
    return replace(stage, held=claim.expires_at.isoformat() if claim else "")


def taken_by_others(stage: Stage, full: SlotTaken) -> Stage:
    """The stage where others fill the case."""
    return replace(stage, held="", taken=True, taken_until=full.until)


def _waits(reader: Reader) -> bool:
    reviewed = Review.objects.filter(case=reader.case, reader=reader.user)
    return not reviewed.exists() and results.has_result(reader.case)
