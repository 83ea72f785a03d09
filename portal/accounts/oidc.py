"""Signing in at the hospital's provider (OpenID Connect Core, code flow with PKCE), where settings name one.

Who somebody is there stays with their account (OidcAccount), so that another address is no other person. What
their groups make of them in cohorts is a function named in the settings (OIDC_GROUPS_ACT).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _t

from portal.accounts.models import OidcAccount, User

TIMEOUT_SECONDS = 10


class ProviderFault(Exception):
    """The provider refused, did not answer, or sent what is not right; its words are the kind of fault."""


class NotLetIn(Exception):
    """The provider knows the person, the portal does not let them in; the sentence says why."""


@dataclass(frozen=True)
class Claims:
    """What the provider says of somebody. factors: how they signed in there (RFC 8176)."""

    subject: str
    email: str
    name: str
    groups: frozenset[str]
    factors: frozenset[str]

    @property
    def is_second_factor(self) -> bool:
        """Whether the sign-in there was one by two factors."""
        return not self.factors.isdisjoint(settings.OIDC_SECOND_FACTORS)


def is_set_up() -> bool:
    """Whether settings name a provider."""
    return bool(settings.OIDC_ISSUER)


def begin(request: HttpRequest, back_to: str, *, anew: bool) -> HttpResponse:
    """Lead to the provider. anew: it shall ask, though somebody is signed in there. Raises ProviderFault."""
    more = {"prompt": "login"} if anew else {}
    with _faults():
        answer: HttpResponse = _client().authorize_redirect(request, back_to, **more)
    return answer


def claims_of(request: HttpRequest) -> Claims:
    """What the provider says of whoever comes back from there. Raises ProviderFault."""
    with _faults():
        said: dict[str, Any] = _client().authorize_access_token(request)["userinfo"]
    groups = said.get(settings.OIDC_GROUPS_CLAIM) or ()
    factors = said.get("amr") or ()
    return Claims(
        subject=str(said["sub"]),
        # Nobody gets an account by an address that is only claimed.
        email=str(said.get("email", "")).strip().lower() if said.get("email_verified") is True else "",
        name=str(said.get("name", "")).strip()[:150],
        groups=frozenset([groups] if isinstance(groups, str) else map(str, groups)),
        factors=frozenset(map(str, factors if isinstance(factors, list) else ())),
    )


def person_of(claims: Claims) -> User:
    """The account of whom the provider names, made at the first sign-in, with the roles of their groups.

    Raises NotLetIn.
    """
    with transaction.atomic():
        user = _known(claims) or _new(claims)
        has_role = import_string(settings.OIDC_GROUPS_ACT)(user=user, groups=claims.groups)
        if not has_role:
            raise NotLetIn(_t("You have no role in this portal. Ask the study administrator."))
    if not user.is_active:
        raise NotLetIn(_t("This account is closed."))
    return user


def _known(claims: Claims) -> User | None:
    """By the subject; at the first sign-in by the address, of an account that was made by invitation."""
    linked = OidcAccount.objects.filter(issuer=settings.OIDC_ISSUER, subject=claims.subject)
    if found := linked.select_related("user").first():
        return found.user
    user = User.objects.filter(email=claims.email).first() if claims.email else None
    if user is None:
        return None
    if OidcAccount.objects.filter(user=user).exists():
        raise NotLetIn(_t("The account of this address belongs to somebody else at the provider."))
    _link(user, claims)
    return user


def _new(claims: Claims) -> User:
    if not claims.email:
        raise NotLetIn(_t("The provider names no verified e-mail address of yours, which an account needs."))
    user = User.objects.create_user(claims.email, None, full_name=claims.name or claims.email)
    _link(user, claims)
    return user


def _link(user: User, claims: Claims) -> None:
    OidcAccount.objects.create(user=user, issuer=settings.OIDC_ISSUER, subject=claims.subject)
    import_string(settings.ACCOUNT_RECORD)(by=user, action="user.provider_linked", subject=user)


@contextmanager
def _faults() -> Iterator[None]:
    # Imported by who has a provider alone: 12 MB a process.
    from authlib.common.errors import AuthlibBaseError
    from joserfc.errors import JoseError
    from requests import RequestException

    try:
        yield
    except (AuthlibBaseError, JoseError, RequestException, RuntimeError, KeyError, ValueError) as fault:
        raise ProviderFault(type(fault).__name__) from fault


def _client() -> Any:
    return _registered(settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET)


@lru_cache(maxsize=1)
def _registered(issuer: str, client_id: str, secret: str) -> Any:
    """The client of authlib, which keeps the provider's addresses and keys."""
    from authlib.integrations.django_client import OAuth

    return OAuth().register(
        "oidc",
        client_id=client_id,
        client_secret=secret,
        server_metadata_url=f"{issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.OIDC_SCOPES,
            "code_challenge_method": "S256",
            "default_timeout": TIMEOUT_SECONDS,
        },
    )
