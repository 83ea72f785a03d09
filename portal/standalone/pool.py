"""Celery's pool for one process that does the work itself, with the limits of time that only prefork has.

Prefork keeps a parent that waits. Here the supervisor is that parent: what the network takes down with it,
and what the hard limit ends, is started again (portal/standalone/children.py), and the sweep finds the job.
"""

from __future__ import annotations

import contextlib
import faulthandler
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from celery.concurrency import solo
from celery.concurrency.base import apply_target
from celery.exceptions import SoftTimeLimitExceeded


class TaskPool(solo.TaskPool):
    """Named to Celery by CELERY_CUSTOM_WORKER_POOL."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.on_apply = _apply_within_limits  # type: ignore[method-assign] # as solo itself does it


def _apply_within_limits(
    target: Callable[..., Any],
    *args: Any,
    soft_timeout: float | None = None,
    timeout: float | None = None,
    **options: Any,
) -> None:
    with within(soft_timeout, timeout):
        apply_target(target, *args, **options)


@contextlib.contextmanager
def within(soft: float | None, hard: float | None) -> Iterator[None]:
    """Raise SoftTimeLimitExceeded after `soft` seconds; end this process after `hard`.

    The former needs Python's attention. The latter comes from a thread that needs nothing of it, so that it
    also ends what hangs in C, and writes to the log where that was.
    """
    former = signal.signal(signal.SIGALRM, _raise_soft)
    if hard:
        # Celery puts a logger in the place of sys.stderr, which has no descriptor.
        faulthandler.dump_traceback_later(hard, exit=True, file=sys.__stderr__ or 2)
    signal.setitimer(signal.ITIMER_REAL, soft or 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        signal.signal(signal.SIGALRM, former)


def _raise_soft(number: int, frame: FrameType | None) -> None:
    raise SoftTimeLimitExceeded
