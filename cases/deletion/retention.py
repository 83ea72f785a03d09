"""How long a cohort keeps its cases, and what follows once that is over.

Of a case that is over the time runs from when it came in, and no shorter than from what was last said of it.
Nothing goes by itself unless the installation says so (RETENTION_DELETES): it is proposed, people confirm.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone

from cases import audit
from cases.deletion.acts import NothingToDelete, Why, delete
from cases.deletion.requests import propose
from cases.deletion.targets import Target
from cases.lifecycle import DeletionKind, DeletionReason
from cases.models import Cohort, Deletion, DeletionRequest
from cases.permissions import Action, require

if TYPE_CHECKING:
    from portal.accounts.models import User

# Beyond this no calendar goes; nobody keeps a case for as long.
MOST_DAYS = 36_500


def choose_retention(*, by: User, cohort: Cohort, days: int | None) -> bool:
    """Set for how many days cases are kept; None for ever. Whether anything changed."""
    require(by, Action.MANAGE, cohort)
    before = Cohort.objects.values_list("retention_days", flat=True).get(pk=cohort.pk)
    if before == days:
        return False
    Cohort.objects.filter(pk=cohort.pk).update(retention_days=days)
    audit.record(by=by, action="cohort.retention", subject=cohort, cohort=cohort, before=before, after=days)
    return True


def expired_of(cohort: Cohort, days: int) -> Target:
    """What the cohort has kept for longer than this."""
    before = timezone.now() - timedelta(days=days)
    return Target(DeletionKind.EXPIRED, cohort, received_before=before)


def look_for_expired() -> list[Deletion | DeletionRequest]:
    """Propose, or where the installation says so delete, what cohorts have kept for as long as they say."""
    cohorts = Cohort.objects.filter(retention_days__isnull=False, deleted_at__isnull=True)
    targets = [expired_of(cohort, cohort.retention_days or 0) for cohort in cohorts]
    done = [deal_with(target, may_delete=settings.RETENTION_DELETES) for target in targets]
    return [each for each in done if each is not None]


def deal_with(target: Target, *, may_delete: bool) -> Deletion | DeletionRequest | None:
    """Delete what is expired, or propose it where that may not be, or where two people are needed; None where
    there is nothing, or it is proposed already.
    """
    if not target.images().exists():
        return None
    if not may_delete or settings.DELETION_NEEDS_TWO:
        return propose(target)
    try:
        return delete(target, Why(DeletionReason.RETENTION))
    except NothingToDelete:
        return None
