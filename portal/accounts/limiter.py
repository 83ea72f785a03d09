"""Slowing down who guesses passwords: what django-axes is to count by, and how a count ends early."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from axes.utils import reset
from django.http import HttpRequest


def counted_as(request: HttpRequest, credentials: Mapping[str, Any]) -> str:
    """What a failure is counted under, for AXES_USERNAME_CALLABLE: the address, known or not.

    As a digest, since what is typed there by mistake may be a password, and rows go into backups.
    """
    return _digest(credentials["username"])


def forget(email: str) -> None:
    """Start over, after a new password by mail; after a sign-in django-axes does so itself."""
    reset(username=_digest(email))


def _digest(email: str) -> str:
    return hashlib.sha256(email.strip().lower().encode()).hexdigest()
