"""An end to what waits for a peer: each step has a timeout, but one byte is enough to begin another."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Of one case, over whatever line. Whoever has taken a sending keeps it for twice as long.
MOST_SECONDS = 300.0


@contextmanager
def deadline(end: Callable[[], object]) -> Iterator[None]:
    """Call `end` from a thread of its own where the block takes longer than MOST_SECONDS. Raises TimeoutError
    then, whatever the block made of what it had read until it was ended.
    """
    over = threading.Event()

    def end_it() -> None:
        over.set()
        end()

    timer = threading.Timer(MOST_SECONDS, end_it)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if over.is_set():
            raise TimeoutError
