"""Slowing down who guesses passwords.

Failures are counted by e-mail address, known or not, so that the answer tells
nothing about who has an account. The count lives in the cache and ends by itself;
web processes share it through CACHE_URL. Where that Redis does not answer, people
still get in: a reading room must not close because a counter is down.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

ALLOWED_FAILURES = 5
WINDOW_SECONDS = 15 * 60


def _key(email: str) -> str:
    # The cache never holds the address itself.
    digest = hashlib.sha256(email.strip().lower().encode()).hexdigest()
    return f"sign-in-failures:{digest}"


@contextmanager
def _never_in_the_way() -> Iterator[None]:
    try:
        yield
    except RedisError:
        logger.warning("The cache does not answer; failed sign-ins are not counted.")


def is_blocked(email: str) -> bool:
    """Whether further attempts for this address must wait for the window's end."""
    failures = 0
    with _never_in_the_way():
        failures = int(cache.get(_key(email), 0))
    return failures >= ALLOWED_FAILURES


def note_failure(email: str) -> None:
    """Count one failed attempt; the window begins with the first."""
    key = _key(email)
    with _never_in_the_way():
        if not cache.add(key, 1, WINDOW_SECONDS):
            try:
                cache.incr(key)
            except ValueError:  # it ran out between the two lines
                cache.set(key, 1, WINDOW_SECONDS)


def forget(email: str) -> None:
    """Start over, after a success or a new password."""
    with _never_in_the_way():
        cache.delete(_key(email))
