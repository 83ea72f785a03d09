"""Tokens for the REST API: who may have one made, for whom, and for what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases import audit
from cases.cohorts import known_cohorts
from cases.models import ApiToken, Cohort
from cases.permissions import Action, actions_anywhere, cohorts_where
from cases.roles import Role
from cases.scopes import OFFERED, Scope

if TYPE_CHECKING:
    from portal.accounts.models import User

# What is shown of a token, so that its owner can tell it from others.
SHOWN = 8
# Without one of these rights, a scope would open nothing.
_OF_USE_WITH: Mapping[Scope, frozenset[Action]] = {
    Scope.UPLOAD: frozenset({Action.UPLOAD}),
    Scope.READ: frozenset({Action.VIEW, Action.READ}),
    Scope.REVIEW: frozenset({Action.REVIEW}),
    Scope.EXPORT: frozenset({Action.EXPORT}),
    Scope.ADMINISTER: frozenset({Action.MANAGE}),
}


@dataclass(frozen=True)
class Terms:
    """What a token is for. lifetime: None for ever. cohort: None for all of its owner's."""

    name: str
    scopes: Collection[Scope]
    lifetime: timedelta | None
    cohort: Cohort | None = None


@dataclass(frozen=True)
class IssuedToken:
    """A token whose text is known only now; only a digest is stored."""

    text: str
    user: User
    expires: datetime | None


def scopes_for(user: User) -> list[Scope]:
    """The scopes that would be of any use to the user."""
    held = {action for action, _reading in actions_anywhere(user)}
    return [scope for scope in OFFERED if held & _OF_USE_WITH[scope]]


def may_manage_tokens_of(by: User, user: User) -> bool:
    """Whether `by` may make and revoke tokens of `user`.

    A token acts as its owner, everywhere. So a study administrator may make one only for an account that is
    nothing but exporter, and only in cohorts that this administrator manages.
    """
    if by.pk == user.pk:
        return bool(scopes_for(user))
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
                "Tokens are for people who have a role in a cohort. For others, they can be made only for an "
                "account that is nothing but exporter, in cohorts that you manage."
            )
        )


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The user's tokens, newest first; those that have run out stay until they are revoked."""
    tokens: QuerySet[ApiToken] = ApiToken.objects.filter(user=user).order_by("-created")
    return tokens


def cohorts_for(user: User) -> QuerySet[Cohort]:
    """The cohorts to which a token of the user may be limited."""
    return known_cohorts(user).order_by("name")


def issue(*, by: User | None, user: User, terms: Terms) -> IssuedToken:
    """Make a token; None for `by` is the operator's command. Raises ValidationError."""
    if by is not None:
        require_tokens_of(by, user)
        if by.pk != user.pk and terms.cohort is None:
            # It would go on to open whatever cohort the account comes into, to who has never been there.
            raise ValidationError({"cohort": _t("A token of somebody else's account is for one cohort.")})
    with transaction.atomic():
        token, text = ApiToken.objects.create(
            user,
            expiry=terms.lifetime,
            name=terms.name,
            scopes=sorted(terms.scopes),
            cohort=terms.cohort,
        )
        audit.record(
            by=by,
            action="token.issued",
            subject=user,
            cohort=terms.cohort,
            token=token.token_key[:SHOWN],
            scopes=" ".join(token.scopes),
        )
    return IssuedToken(text, user, token.expiry)


def revoke(*, by: User, user: User, token_key: str) -> bool:
    """End one token of `user` at once; False where there is none of this beginning."""
    require_tokens_of(by, user)
    return bool(_end(by, user, tokens_of(user).filter(token_key=token_key)))


def end_all(*, by: User | None, user: User) -> int:
    """End every token of `user`: with a new password, or once they may no longer sign in. Returns how many.

    Whoever had the password may have made one (settings: PASSWORD_RESET_ACT).
    """
    return _end(by, user, tokens_of(user))


def has_run_out(token: ApiToken) -> bool:
    """Whether the token no longer opens anything."""
    return token.expiry is not None and token.expiry <= timezone.now()


def _end(by: User | None, user: User, chosen: QuerySet[ApiToken]) -> int:
    """One audited act each."""
    with transaction.atomic():
        ended = list(chosen)
        for token in ended:
            token.delete()
            audit.record(by=by, action="token.revoked", subject=user, token=token.token_key[:SHOWN])
    return len(ended)
