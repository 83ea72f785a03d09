"""Tokens of the REST API: those that open nothing are counted, of the others the last use is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from knox.models import get_token_model
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from portal.accounts import limiter
from portal.accounts.refusals import TooManyAttempts

# By this code the answer tells it from a request too many.
WRONG_TOKEN = "wrong_token"  # noqa: S105 - a code
# A script that asks all the time is no reason to write all the time.
USE_NOTED_EVERY = timedelta(minutes=1)


class LimitedTokenAuthentication(TokenAuthentication):  # type: ignore[misc]
    """knox's tokens. Whoever sends too many that open nothing is told to wait.

    A right one is let pass whatever others do: nobody guesses 256 bits, and a hospital may be one address.
    """

    def authenticate(self, request: Request) -> Any:
        try:
            return super().authenticate(request)
        except (AuthenticationFailed, UnicodeDecodeError) as wrong:
            sent = get_authorization_header(request).decode("latin-1")
            try:
                limiter.attempt(request, limiter.TOKEN, sent)
            except TooManyAttempts as refused:
                raise Throttled(refused.seconds, code=WRONG_TOKEN) from None
            if isinstance(wrong, UnicodeDecodeError):
                raise AuthenticationFailed from None
            raise

    def validate_user(self, auth_token: Any) -> Any:
        """The owner, who in this request reaches as far as the token does."""
        user, token = super().validate_user(auth_token)
        user.limited_to = token.limited_to
        _note_use(token)
        return user, token

    def _cleanup_token(self, auth_token: Any) -> bool:
        # knox would delete it, and the owner's others that have run out; they stay on the list until revoked.
        return auth_token.expiry is not None and auth_token.expiry <= timezone.now()


def _note_use(token: Any) -> None:
    """Store that the token was used, at most once in USE_NOTED_EVERY."""
    now = timezone.now()
    if token.last_used_at and token.last_used_at > now - USE_NOTED_EVERY:
        return
    get_token_model().objects.filter(pk=token.pk).update(last_used_at=now)


class LimitedTokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it: as knox's own."""

    target_class = "portal.accounts.tokens.LimitedTokenAuthentication"
