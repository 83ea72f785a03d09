"""Joining a cohort, leaving it, and the role in between: every write of it, audited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit, held_roles
from cases.models import Cohort, Membership
from cases.people.withdrawing import withdraw_all_of
from cases.permissions import Action, require
from cases.roles import Role

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
        # A link from before would give the role of then once more, after a change or a farewell.
        withdraw_all_of(by=by, cohort=cohort, email=user.email)
        audit.record(by=by, action="member.added", subject=user, cohort=cohort, role=str(role))
    held_roles.forget()
    return membership


def change_role(*, by: User | None, membership: Membership, role: Role) -> None:
    """Give a member another role; None for `by` is the hospital's provider.

    Raises ValidationError where the cohort would lose its administrator.
    """
    if by is not None:
        require(by, Action.MANAGE, membership.cohort)
    with transaction.atomic():
        if role != Role.ADMINISTRATOR:
            _keep_an_administrator(membership)
        audit.record(
            by=by,
            action="member.role_changed",
            subject=membership.user,
            cohort=membership.cohort,
            before=membership.role,
            role=str(role),
        )
        Membership.objects.filter(pk=membership.pk).update(role=role)
    held_roles.forget()


def remove_member(*, by: User | None, membership: Membership) -> None:
    """Take a person out of a cohort; what the person did there stays.

    None for `by` is the hospital's provider.
    Raises ValidationError where the cohort would lose its administrator.
    """
    if by is not None:
        require(by, Action.MANAGE, membership.cohort)
    with transaction.atomic():
        _keep_an_administrator(membership)
        audit.record(
            by=by,
            action="member.removed",
            subject=membership.user,
            cohort=membership.cohort,
            role=membership.role,
        )
        membership.delete()
    held_roles.forget()


def keep_administrators_without(user: User) -> None:
    """Raise ValidationError where a cohort would lose its administrator if `user` could not sign in.

    Call it inside the transaction of the act.
    """
    held = user.memberships.filter(role=Role.ADMINISTRATOR).select_related("cohort")
    # One order for everybody, so that two who lock several cohorts never wait for each other.
    left_alone = [held_in.cohort.name for held_in in held.order_by("cohort_id") if _is_the_last(held_in)]
    if left_alone:
        raise ValidationError(
            _t("The only study administrator of: %(cohorts)s. Make somebody else one first.")
            % {"cohorts": ", ".join(left_alone)}
        )


def _keep_an_administrator(membership: Membership) -> None:
    if _is_the_last(membership):
        raise ValidationError(
            _t("This is the cohort's only study administrator. Make somebody else one first.")
        )


def _is_the_last(membership: Membership) -> bool:
    """Whether no other administrator is left; the cohort row is the lock of those who leave at once."""
    cohort = Cohort.objects.select_for_update().get(pk=membership.cohort_id)
    administrators = cohort.memberships.filter(role=Role.ADMINISTRATOR, user__is_active=True)
    return list(administrators.values_list("pk", flat=True)) == [membership.pk]
