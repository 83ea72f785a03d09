"""The person behind a request."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from portal.accounts.models import User


def person(request: HttpRequest) -> User:
    """The signed-in user, for views behind `login_required`."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user
