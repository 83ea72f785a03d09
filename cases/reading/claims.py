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
    """Every slot of the case is read or claimed. `first` is the claim that runs out first, and `until` when;
    None where the case needs no further reader.
    """

    def __init__(self, claims: list[Claim]) -> None:
        self.first = min(claims, key=lambda claim: claim.expires_at, default=None)
        self.until = self.first.expires_at if self.first else None
        reason = (
            _t("Somebody else is reading this case.") if claims else _t("This case needs no further reader.")
        )
        super().__init__(reason)


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


def look_for_slot(*, reader: Reader) -> Claim | None:
    """The reader's own slot, None where the case has a free one; takes none. Raises SlotTaken."""
    own = Claim.objects.filter(case=reader.case, reader=reader.user, expires_at__gt=timezone.now()).first()
    if own is None:
        _check_slot(reader.user, reader.case)
    return own


def hold_claim(*, reader: Reader) -> Claim | None:
    """Hold the own slot for longer; None where there is none, so that looking on never takes one.

    Raises SlotTaken where it ran out and others have filled the case since.
    """
    with transaction.atomic():
        own = Claim.objects.select_for_update().filter(case=reader.case, reader=reader.user)
        if not own.exists():
            return None
        take_slot(reader=reader)
        return own.get()


def take_over(*, reader: Reader) -> Claim:
    """Take a slot, of all claims the one that would run out first where none is free.

    Who held it is told by the own page, and keeps what was typed. Raises SlotTaken where the case is read.
    """
    with transaction.atomic():
        case = lock_case(reader.case)
        try:
            _check_slot(reader.user, case)
        except SlotTaken as full:
            if full.first is None:
                raise
            before = str(full.first.reader_id)
            full.first.delete()
            audit.record(
                by=reader.user, action="case.taken_over", subject=case, cohort=case.cohort, reader=before
            )
        return claim_case(reader=reader)


def release_claim(*, by: User, case: Case, held: datetime | None = None) -> None:
    """Give the slot back. `held` is until when a page knows that it is held: where the slot was held anew
    since, in another window or by the page that followed, it stays.
    """
    own = Claim.objects.filter(case=case, reader=by)
    (own.filter(expires_at=held) if held else own).delete()


def release_all(by: User) -> None:
    """Give every slot back, as at the sign-out (settings: SIGN_OUT_ACT)."""
    Claim.objects.filter(reader=by).delete()


def _check_slot(by: User, case: Case) -> None:
    """Raise SlotTaken where others fill the case; who writes has its row locked."""
    readers = _readers_of(case)
    if by.pk in readers:
        return
    live = list(case.claims.filter(expires_at__gt=timezone.now()).exclude(reader=by))
    if case.state not in UNREAD_STATES:
        raise SlotTaken([])
    # Who has read fills a slot for good, whether the own claim is still there or not.
    passing = [claim for claim in live if claim.reader_id not in readers]
    if len(readers) + len(passing) >= terms_for(case).readers_required:
        raise SlotTaken(passing)


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
