"""A sign of life of whoever is at work, so that a lease can be short.

Whoever dies stops renewing, and what it held is free soon after. One that hangs goes on for as long as its
work may take: then it is killed, and if it is not, the lease ends all the same.
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.db import Error, connection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = logging.getLogger(__name__)

# Three signs may be missed.
BEATS_A_LEASE = 4


@contextmanager
def beating(renew: Callable[[], bool], *, lease_seconds: float, at_most: float, of: str) -> Iterator[None]:
    """Call `renew` for the length of the block, from a thread beside it, until that is False.

    at_most: seconds. of: what is held, for the log.
    """
    over = threading.Event()
    beat = (renew, lease_seconds / BEATS_A_LEASE, at_most, of, over)
    # Not waited for: where the database does not answer, this would not end before its thread. A sign of
    # life that comes late changes nothing, since the token is gone.
    threading.Thread(target=_beat, args=beat, name="heartbeat", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _beat(renew: Callable[[], bool], pause: float, at_most: float, of: str, over: threading.Event) -> None:
    last = time.monotonic() + at_most
    try:
        while not over.wait(pause) and time.monotonic() < last:
            if not _renewed(renew, of):
                return
    finally:
        # This thread's own, if it needed one.
        connection.close()


def _renewed(renew: Callable[[], bool], of: str) -> bool:
    """Whether to go on: not where it was taken back."""
    try:
        return renew()
    except Error:
        logger.warning("The lease of %s could not be renewed; trying again.", of)
        connection.close()
        return True
