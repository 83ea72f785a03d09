"""Cohorts and who is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction

from cases.models import Cohort, Membership
from cases.permissions import Action, Role, require
from cases.services import audit

if TYPE_CHECKING:
    from portal.accounts.models import User


def add_member(*, by: User | None, cohort: Cohort, user: User, role: Role) -> Membership:
    """Give `user` the role in the cohort, in the place of any earlier one.

    `by` is the study administrator who does it; None for commands of the operator.
    """
    if by is not None:
        require(by, Action.MANAGE, cohort)
    with transaction.atomic():
        membership, _ = Membership.objects.update_or_create(user=user, cohort=cohort, defaults={"role": role})
        audit.record(by=by, action="member.added", subject=user, cohort=cohort, role=str(role))
    return membership


def remove_member(*, by: User, membership: Membership) -> None:
    """Take a person out of a cohort; what the person did there stays."""
    require(by, Action.MANAGE, membership.cohort)
    with transaction.atomic():
        audit.record(
            by=by,
            action="member.removed",
            subject=membership.user,
            cohort=membership.cohort,
            role=membership.role,
        )
        membership.delete()
