"""What is submitted and can still be undone: a draft in another state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import F
from django.utils import timezone

from cases.lifecycle import DraftState
from cases.models import Case, Draft

if TYPE_CHECKING:
    from cases.models import Prediction
    from cases.reading.read_input import ReadInput
    from portal.accounts.models import User


def submitted(*, by: User, case: Case, read: ReadInput, prediction: Prediction | None) -> tuple[Draft, bool]:
    """The person's draft of the case, and whether this submitted it: not where another window was first.

    Call it inside the transaction of the act. prediction: None of an adjudicator's decision.
    """
    said = {"state": DraftState.PRELIMINARY, "prediction": prediction, "fields": read.as_draft()}
    draft, is_new = Draft.objects.select_for_update().get_or_create(case=case, reader=by, defaults=said)
    if is_new:
        return draft, True
    if draft.state == DraftState.PRELIMINARY:
        return draft, False
    Draft.objects.filter(pk=draft.pk).update(**said, revision=F("revision") + 1, updated_at=timezone.now())
    draft.refresh_from_db()
    return draft, True
