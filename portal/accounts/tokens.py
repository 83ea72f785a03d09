"""Tokens of the REST API, of which wrong ones are counted."""

from __future__ import annotations

from typing import Any

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox.auth import TokenAuthentication
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from portal.accounts import limiter
from portal.accounts.refusals import TooManyAttempts


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
                raise Throttled(refused.seconds) from None
            if isinstance(wrong, UnicodeDecodeError):
                raise AuthenticationFailed from None
            raise


class LimitedTokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """How the OpenAPI document describes it: as knox's own."""

    target_class = "portal.accounts.tokens.LimitedTokenAuthentication"
