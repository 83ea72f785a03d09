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
from cases.permissions import require_reader
from cases.reading.protocols import terms_for

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User


class SlotTaken(Exception):
    """Every slot of the case is read or claimed; `until` is when the first claim runs out, if one does."""

    def __init__(self, claims: list[Claim]) -> None:
        super().__init__(_t("Somebody else is reading this case."))
        self.until = min((claim.expires_at for claim in claims), default=None)


def claim_case(*, by: User, case: Case) -> Claim:
    """Take a slot of the case, or hold the own one for longer.

    Raises SlotTaken, and PermissionDenied where the user may not read the case.
    """
    require_reader(by, case)
    with transaction.atomic():
        locked = Case.objects.select_for_update().select_related("cohort").get(pk=case.pk)
        _check_slot(by, locked)
        claim, is_new = Claim.objects.update_or_create(
            case=locked, reader=by, defaults={"expires_at": _expiry()}
        )
        if is_new:
            audit.record(by=by, action="case.claimed", subject=locked, cohort=locked.cohort)
    return claim


def hold_claim(*, by: User, case: Case) -> Claim | None:
    """Hold the own slot for longer; None where the user has none, so that looking on never takes one.

    Raises SlotTaken where it ran out and others have filled the case since, and PermissionDenied where the
    user may not read the case.
    """
    require_reader(by, case)
    with transaction.atomic():
        own = Claim.objects.select_for_update().filter(case=case, reader=by)
        return claim_case(by=by, case=case) if own.exists() else None


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
    """Who has read the case, or submitted what can still be undone."""
    submitted = Draft.objects.filter(case=case, state=DraftState.PRELIMINARY)
    return {
        *FirstRead.objects.filter(case=case).values_list("reader_id", flat=True),
        *Review.objects.filter(case=case).values_list("reader_id", flat=True),
        *submitted.values_list("reader_id", flat=True),
    }


def _expiry() -> datetime:
    return timezone.now() + timedelta(minutes=settings.CLAIM_MINUTES)
