"""Who may delete, and who else has to say yes: asking, confirming, declining.

With DELETION_NEEDS_TWO nothing is deleted before a second study administrator of the cohort has confirmed it.
What the portal proposes, since a cohort keeps its cases no longer, nobody has asked for: where two are
needed, the first who confirms it is the one who asks.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.deletion.acts import NothingToDelete, Why, delete
from cases.deletion.targets import Target
from cases.lifecycle import DeletionKind, DeletionReason, RequestState
from cases.models import Deletion, DeletionRequest
from cases.permissions import Action, require

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.accounts.models import User


def ask(*, by: User, target: Target, reason: DeletionReason, words: str = "") -> Deletion | DeletionRequest:
    """Delete it, or where a second person is needed, ask for it.

    Raises PermissionDenied, NothingToDelete, and ValidationError where it is asked for already.
    """
    require(by, Action.MANAGE, target.cohort)
    if not settings.DELETION_NEEDS_TWO:
        return delete(target, Why(reason, by=by, words=words))
    if not target.images().exists() and target.kind != DeletionKind.COHORT:
        raise NothingToDelete
    return _asked_for(target, reason, words, by)


def propose(target: Target) -> DeletionRequest | None:
    """Propose what a cohort has kept long enough; None where that waits already."""
    try:
        return _asked_for(target, DeletionReason.RETENTION, "", None)
    except ValidationError:
        return None


def _asked_for(target: Target, reason: DeletionReason, words: str, by: User | None) -> DeletionRequest:
    run_out()
    now = timezone.now()
    try:
        with transaction.atomic():
            asked = DeletionRequest.objects.create(
                kind=target.kind,
                cohort=target.cohort,
                case=target.case,
                image=target.image,
                subject=target.subject,
                received_before=target.received_before,
                reason=reason,
                words=words,
                asked_by=by,
                asked_at=now,
                ends_at=now + timedelta(days=settings.DELETION_REQUEST_DAYS),
            )
            _write_down(by, "deletion.asked" if by else "deletion.proposed", asked)
    except IntegrityError:
        raise ValidationError(_t("This is asked for already, and waits for a confirmation.")) from None
    return asked


def target_of(asked: DeletionRequest) -> Target:
    """What a request is about."""
    kind = DeletionKind(asked.kind)
    return Target(kind, asked.cohort, asked.case, asked.image, asked.received_before)


def may_confirm(user: User, asked: DeletionRequest) -> bool:
    """Whether it is not the own request."""
    return asked.asked_by_id != user.pk


def confirm(*, by: User, asked: DeletionRequest) -> Deletion | None:
    """Carry a request out. None where a proposal now waits for a second person.

    Raises PermissionDenied, ValidationError where it is the own request or waits no more, and
    NothingToDelete.
    """
    require(by, Action.MANAGE, asked.cohort)
    with transaction.atomic():
        found = _locked(asked)
        if not may_confirm(by, found):
            raise ValidationError(_t("You have asked for this yourself. Somebody else has to confirm it."))
        if found.asked_by is None and settings.DELETION_NEEDS_TWO:
            DeletionRequest.objects.filter(pk=found.pk).update(asked_by=by)
            _write_down(by, "deletion.asked", found)
            return None
        _decide(found, by, RequestState.CARRIED_OUT)
        first, second = (found.asked_by, by) if found.asked_by else (by, None)
        why = Why(DeletionReason(found.reason), by=first, confirmed_by=second, words=found.words)
        return delete(target_of(found), why)


def turn_down(*, by: User, asked: DeletionRequest) -> None:
    """Decline a request, or take the own one back. Raises PermissionDenied and ValidationError."""
    require(by, Action.MANAGE, asked.cohort)
    with transaction.atomic():
        found = _locked(asked)
        is_own = found.asked_by_id == by.pk
        _decide(found, by, RequestState.WITHDRAWN if is_own else RequestState.DECLINED)
        _write_down(by, "deletion.withdrawn" if is_own else "deletion.declined", found)


def requests_waiting() -> QuerySet[DeletionRequest]:
    """What may still be confirmed."""
    return DeletionRequest.objects.filter(state=RequestState.WAITING, ends_at__gte=timezone.now())


def run_out() -> int:
    """End what waited too long; how many requests."""
    now = timezone.now()
    waiting = DeletionRequest.objects.filter(state=RequestState.WAITING, ends_at__lt=now)
    return waiting.update(state=RequestState.EXPIRED, decided_at=now)


def _locked(asked: DeletionRequest) -> DeletionRequest:
    rows = requests_waiting().select_for_update(of=("self",))
    found = rows.select_related("cohort", "case", "image", "asked_by").filter(pk=asked.pk).first()
    if found is None:
        raise ValidationError(_t("This request waits no more."))
    return found


def _decide(asked: DeletionRequest, by: User, state: RequestState) -> None:
    rows = DeletionRequest.objects.filter(pk=asked.pk)
    rows.update(state=state, decided_by=by, decided_at=timezone.now())


def _write_down(by: User | None, action: str, asked: DeletionRequest) -> None:
    audit.record(
        by=by,
        action=action,
        subject=asked.case or asked.cohort,
        cohort=asked.cohort,
        request=str(asked.pk),
        kind=asked.kind,
        reason=asked.reason,
    )
