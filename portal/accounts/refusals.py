"""What is refused: most of it only for the moment, and who comes again later may be let in."""

from __future__ import annotations


class RetryLater(Exception):
    """Not now. `seconds`: when it is worth while to come again, which the answer's Retry-After says."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Come again in {seconds} s.")
        self.seconds = seconds


class TooManyAttempts(RetryLater):
    """Too many attempts have failed, of this person here, or of many from here."""

    @property
    def minutes(self) -> int:
        """The wait as people are told it: whole minutes, never too few."""
        return -(-self.seconds // 60)


class TooBusy(RetryLater):
    """Too many passwords are being checked at once."""


class KeyRefused(Exception):
    """What the browser sent is no answer of a security key to what it was asked."""


class StillNeeded(Exception):
    """The last second factor of somebody who may do nothing without one."""
