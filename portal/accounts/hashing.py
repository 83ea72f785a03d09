"""Argon2, a few at a time: each check of a password takes 100 MB for as long as it lasts."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from portal.accounts.refusals import TooBusy

# So long a sign-in waits for its turn, and so soon it is told to come again.
WAIT_SECONDS = 5
RETRY_SECONDS = 5
_turns = threading.BoundedSemaphore(settings.PASSWORD_HASHES_AT_ONCE)


class BoundedArgon2PasswordHasher(Argon2PasswordHasher):
    """Django's, PASSWORD_HASHES_AT_ONCE of them in a process. Raises TooBusy after a long wait."""

    def encode(self, password: str, salt: str) -> str:
        with _turn():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _turn():
            return super().verify(password, encoded)


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_SECONDS):
        raise TooBusy(RETRY_SECONDS)
    try:
        yield
    finally:
        _turns.release()
