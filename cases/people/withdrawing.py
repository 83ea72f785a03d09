"""Closing invitations before they are followed; audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from cases import audit
from cases.models import Invitation
from cases.models.invitation import unused

if TYPE_CHECKING:
    from cases.models import Cohort
    from portal.accounts.models import User


def close(by: User | None, invitation: Invitation) -> bool:
    """Close it; False where it is not open any more. Call it inside a transaction."""
    if Invitation.objects.filter(unused(), pk=invitation.pk).update(withdrawn_at=timezone.now()) != 1:
        return False
    audit.record(by=by, action="invitation.withdrawn", subject=invitation, cohort=invitation.cohort)
    return True


def withdraw_all_of(*, by: User | None, cohort: Cohort, email: str) -> None:
    """Close whatever lets this address into the cohort. Call it inside a transaction."""
    for invitation in Invitation.objects.filter(unused(), cohort=cohort, email=email):
        close(by, invitation)
