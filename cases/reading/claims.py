"""Claims: one slot of a case for one reader, so that two do not read the same slot."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.lifecycle import UNREAD_STATES, DraftState
from cases.models import Case, Claim, Draft, FirstRead, Review
from cases.models.first_read import not_knowing
from cases.permissions import Reader
from cases.reading.protocols import lock_case, terms_for

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User


class SlotTaken(Exception):
    """Every slot of the case is read or claimed; `until` is when the first claim runs out, if one does."""

    def __init__(self, claims: list[Claim]) -> None:
        super().__init__(_t("Somebody else is reading this case."))
        self.until = min((claim.expires_at for claim in claims), default=None)


def claim_case(*, reader: Reader) -> Claim:
    """Take a slot of the case, or hold the own one for longer. Raises SlotTaken."""
    with transaction.atomic():
        take_slot(reader=reader)
        return Claim.objects.get(case=reader.case, reader=reader.user)


def take_slot(*, reader: Reader) -> Case:
    """Take a slot as `claim_case` does, as part of a larger act; the case, its row locked from here on.

    Call it inside the transaction of the act. Raises SlotTaken, and ValidationError where it was moved.
    """
    case = lock_case(reader.case)
    _check_slot(reader.user, case)
    own = Claim.objects.filter(case=case, reader=reader.user)
    if not own.update(expires_at=_expiry()):
        Claim.objects.create(case=case, reader=reader.user, expires_at=_expiry())
        audit.record(by=reader.user, action="case.claimed", subject=case, cohort=case.cohort)
    return case


def hold_claim(*, reader: Reader) -> bool:
    """Hold the own slot for longer; False where there is none, so that looking on never takes one.

    Raises SlotTaken where it ran out and others have filled the case since.
    """
    with transaction.atomic():
        own = Claim.objects.select_for_update().filter(case=reader.case, reader=reader.user)
        if not own.exists():
            return False
        take_slot(reader=reader)
    return True


def release_claim(*, by: User, case: Case) -> None:
    """Give the slot back."""
    Claim.objects.filter(case=case, reader=by).delete()


def _check_slot(by: User, case: Case) -> None:
    """Raise SlotTaken where others fill the case; the case row is locked."""
    readers = _readers_of(case)
    if by.pk in readers:
        return
    live = list(case.claims.filter(expires_at__gt=timezone.now()).exclude(reader=by))
    taken = readers | {claim.reader_id for claim in live}
    if case.state not in UNREAD_STATES or len(taken) >= terms_for(case).readers_required:
        raise SlotTaken(live)


def _readers_of(case: Case) -> set[UUID]:
    """Who has read the case for the study, or submitted what can still be undone; in one query."""
    submitted = Draft.objects.filter(case=case, state=DraftState.PRELIMINARY)
    first, given, draft = (
        rows.order_by().values_list("reader_id", flat=True)
        for rows in (
            FirstRead.objects.filter(not_knowing(), case=case),
            Review.objects.filter(case=case, is_remark=False),
            submitted,
        )
    )
    return set(first.union(given, draft))


def _expiry() -> datetime:
    return timezone.now() + timedelta(minutes=settings.CLAIM_MINUTES)
