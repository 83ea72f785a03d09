"""Inviting people: every write of it, audited. The link's secret is never stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.models import Invitation
from cases.models.invitation import unused
from cases.people.memberships import add_member
from cases.people.withdrawing import close, withdraw_all_of
from cases.permissions import Action, may, require
from cases.roles import Role

if TYPE_CHECKING:
    from cases.models import Cohort
    from portal.accounts.models import User


class InvitationClosed(Exception):
    """The link was used, withdrawn, has run out, or never was one; or who invited may do so no more."""

    def __init__(self) -> None:
        super().__init__(
            _t("This invitation is no longer open. Ask the person who invited you for a new one.")
        )


class AccountExists(Exception):
    """Somebody with this address has an account already, and joins after signing in."""

    def __init__(self) -> None:
        super().__init__(_t("There is an account with this address already. Sign in to join."))


@dataclass(frozen=True)
class IssuedInvitation:
    """An invitation with the secret of its link, which is known only now."""

    invitation: Invitation
    secret: str


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def invite(*, by: User, cohort: Cohort, email: str, role: Role) -> IssuedInvitation:
    """Open the cohort to one address; an earlier open invitation of it is withdrawn."""
    require(by, Action.MANAGE, cohort)
    email = email.strip().lower()
    if cohort.memberships.filter(user__email=email).exists():
        raise ValidationError(
            {"email": _t("This person is a member already; the role can be changed in the list.")}
        )
    secret, now = secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        withdraw_all_of(by=by, cohort=cohort, email=email)
        invitation = Invitation.objects.create(
            email=email,
            cohort=cohort,
            role=role,
            secret_digest=_digest(secret),
            invited_by=by,
            expires_at=now + timedelta(days=settings.INVITATION_DAYS),
        )
        audit.record(by=by, action="invitation.created", subject=invitation, cohort=cohort, role=str(role))
    return IssuedInvitation(invitation, secret)


def withdraw(*, by: User, invitation: Invitation) -> None:
    """Close an open invitation; InvitationClosed where it is not open any more."""
    require(by, Action.MANAGE, invitation.cohort)
    with transaction.atomic():
        if not close(by, invitation):
            raise InvitationClosed


def open_invitations(cohort: Cohort) -> list[Invitation]:
    """Those of the cohort whose links still let somebody in, the newest first."""
    found = Invitation.objects.filter(unused(), cohort=cohort).select_related("invited_by", "cohort")
    return [invitation for invitation in found if _holds(invitation)]


def find_open(secret: str) -> Invitation:
    """The open invitation that the link's secret belongs to, or InvitationClosed."""
    found = Invitation.objects.filter(unused(), secret_digest=_digest(secret))
    invitation = found.select_related("cohort", "invited_by").first()
    if invitation is None or not _holds(invitation):
        raise InvitationClosed
    return invitation


def _holds(invitation: Invitation) -> bool:
    """Whether who invited may still do so: a right that is gone lets nobody in, themselves under another
    address least of all.
    """
    return may(invitation.invited_by, Action.MANAGE, invitation.cohort)


def accept_as_new(*, secret: str, full_name: str, password: str, language: str = "") -> User:
    """Make the invited person's account and membership; the password is validated by the form.

    `language`: that of the page on which the person joins.
    """
    try:
        with transaction.atomic():
            invitation = _take(secret)
            if get_user_model().objects.filter(email=invitation.email).exists():
                raise AccountExists
            user = get_user_model().objects.create_user(
                invitation.email, password, full_name=full_name, language=language
            )
            _join(invitation, user)
    except IntegrityError:
        # Two invitations of one address were accepted at once, and the other was first.
        raise AccountExists from None
    return user


def accept_as_member(*, by: User, secret: str) -> Invitation:
    """Let somebody with an account join by a link to the account's own address."""
    with transaction.atomic():
        invitation = _take(secret)
        if invitation.email != by.email:
            raise PermissionDenied(_t("This invitation is for another address than yours."))
        _join(invitation, by)
    return invitation


def _take(secret: str) -> Invitation:
    """Use the link up: of two that come at once, the UPDATE lets only one pass."""
    digest = _digest(secret)
    if Invitation.objects.filter(unused(), secret_digest=digest).update(accepted_at=timezone.now()) != 1:
        raise InvitationClosed
    invitation = Invitation.objects.select_related("cohort", "invited_by").get(secret_digest=digest)
    if not _holds(invitation):
        raise InvitationClosed
    return invitation


def _join(invitation: Invitation, user: User) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(accepted_by=user)
    add_member(by=None, cohort=invitation.cohort, user=user, role=Role(invitation.role))
    audit.record(
        by=user,
        action="invitation.accepted",
        subject=invitation,
        cohort=invitation.cohort,
        role=invitation.role,
    )
