"""What is done beside the answer, so that the answer tells nothing of how long it takes.

A mail that is lost because the process ended in that moment is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beside")


def later(job: Callable[[], None]) -> Future[None]:
    """Have this process's thread for it do it; without the database: the thread would keep a connection."""
    return _pool.submit(job)
