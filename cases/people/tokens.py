"""Tokens for the REST API: who may have one made, and for whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _t
from knox.models import AuthToken

from cases import audit
from cases.permissions import Action, cohorts_where, may_anywhere
from cases.roles import Role

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from portal.accounts.models import User

# What is shown of a token, so that its owner can tell it from others.
SHOWN = 8


@dataclass(frozen=True)
class IssuedToken:
    """A token whose text is known only now; only a digest is stored."""

    text: str
    user: User
    expires: datetime | None


def may_use_tokens(user: User) -> bool:
    """Whether a token would be of any use to the user."""
    return may_anywhere(user, Action.EXPORT) or may_anywhere(user, Action.UPLOAD)


def may_manage_tokens_of(by: User, user: User) -> bool:
    """Whether `by` may make and revoke tokens of `user`.

    A token can do all that its owner can, everywhere. So a study administrator may
    make one only for an account that is nothing but exporter, and only in cohorts
    that this administrator manages.
    """
    if by.pk == user.pk:
        return may_use_tokens(user)
    if not user.is_active or user.is_superuser or user.is_staff:
        return False
    memberships = user.memberships.all()
    elsewhere = memberships.exclude(role=Role.EXPORTER, cohort__in=cohorts_where(by, Action.MANAGE))
    return memberships.exists() and not elsewhere.exists()


def require_tokens_of(by: User, user: User) -> None:
    """Raise PermissionDenied, with a sentence, unless `may_manage_tokens_of` holds."""
    if not may_manage_tokens_of(by, user):
        raise PermissionDenied(
            _t(
                "Tokens are for people who upload or export. For others, they can be made only for an "
                "account that is nothing but exporter, in cohorts that you manage."
            )
        )


def tokens_of(user: User) -> QuerySet[AuthToken]:
    """The user's tokens, newest first; those that have run out stay until they are revoked."""
    tokens: QuerySet[AuthToken] = AuthToken.objects.filter(user=user).order_by("-created")
    return tokens


def issue(*, by: User | None, user: User, lifetime: timedelta | None) -> IssuedToken:
    """Make a token; None for `by` is the operator's command, None for `lifetime` is for ever."""
    if by is not None:
        require_tokens_of(by, user)
    with transaction.atomic():
        token, text = AuthToken.objects.create(user, expiry=lifetime)
        audit.record(by=by, action="token.issued", subject=user, token=token.token_key[:SHOWN])
    return IssuedToken(text, user, token.expiry)


def revoke(*, by: User, user: User, token_key: str) -> bool:
    """End one token of `user` at once; False where there is none of this beginning."""
    require_tokens_of(by, user)
    with transaction.atomic():
        ended, _ = tokens_of(user).filter(token_key=token_key).delete()
        if ended:
            audit.record(by=by, action="token.revoked", subject=user, token=token_key[:SHOWN])
    return bool(ended)


def has_run_out(token: AuthToken) -> bool:
    """Whether the token no longer opens anything."""
    return token.expiry is not None and token.expiry <= timezone.now()
