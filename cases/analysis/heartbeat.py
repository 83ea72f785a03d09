"""A sign of life while a job is at work, so that its lease can be short.

Whoever dies stops renewing, and the job is free seconds later. One that hangs goes on renewing for as long as
a job may take: then it is killed, and if it is not, the lease ends all the same.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import Error, connection

from cases.analysis import jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cases.analysis.jobs import Lease

logger = logging.getLogger(__name__)

# Three signs may be missed.
BEATS_A_LEASE = 4


@contextlib.contextmanager
def renewing(lease: Lease) -> Iterator[None]:
    """Renew the lease for the length of the block, from a thread beside it."""
    over = threading.Event()
    # Not waited for: where the database does not answer, this would not end before its thread. A sign of
    # life that comes late changes nothing, since the token is gone.
    threading.Thread(target=_beat, args=(lease, over), name="heartbeat", daemon=True).start()
    try:
        yield
    finally:
        over.set()


def _beat(lease: Lease, over: threading.Event) -> None:
    pause = settings.JOB_LEASE_SECONDS / BEATS_A_LEASE
    last = time.monotonic() + settings.JOB_HARD_SECONDS
    try:
        while not over.wait(pause) and time.monotonic() < last:
            if not _renewed(lease):
                return
    finally:
        # This thread's own, if it needed one.
        connection.close()


def _renewed(lease: Lease) -> bool:
    """Whether to go on: not where the job was taken back."""
    try:
        return jobs.renew(lease)
    except Error:
        logger.warning("The lease of job %s could not be renewed; trying again.", lease.job_id)
        connection.close()
        return True
