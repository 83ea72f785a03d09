"""Slowing down who guesses passwords.

Failures are counted by e-mail address, known or not, so that the answer tells
nothing about who has an account. The count lives in the cache and ends by itself;
a deployment with several web processes shares it through CACHE_URL.
"""

from __future__ import annotations

import hashlib

from django.core.cache import cache

ALLOWED_FAILURES = 5
WINDOW_SECONDS = 15 * 60


def _key(email: str) -> str:
    # The cache never holds the address itself.
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    return f"sign-in-failures:{digest}"


def is_blocked(email: str) -> bool:
    """Whether further attempts for this address must wait for the window's end."""
    return int(cache.get(_key(email), 0)) >= ALLOWED_FAILURES


def note_failure(email: str) -> None:
    """Count one failed attempt; the window begins with the first."""
    key = _key(email)
    if not cache.add(key, 1, WINDOW_SECONDS):
        try:
            cache.incr(key)
        except ValueError:  # it ran out between the two lines
            cache.set(key, 1, WINDOW_SECONDS)


def forget(email: str) -> None:
    """Start over, after a success or a new password."""
    cache.delete(_key(email))
