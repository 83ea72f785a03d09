"""An end to what waits for a peer: each step has a timeout, but one byte is enough to begin another."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# Of one case that is sent to an archive. Whoever has taken a sending keeps it for twice as long.
MOST_SECONDS = 300.0


@contextmanager
def deadline(end: Callable[[], object], seconds: float | None = None) -> Iterator[None]:
    """Call `end` from a thread of its own where the block takes longer than so many seconds, or MOST_SECONDS.
    Raises TimeoutError then, whatever the block made of what it had read until it was ended.
    """
    over = threading.Event()

    def end_it() -> None:
        over.set()
        end()

    timer = threading.Timer(MOST_SECONDS if seconds is None else seconds, end_it)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if over.is_set():
            raise TimeoutError


def cut(line: socket.socket) -> None:
    """End whatever waits for this line."""
    with suppress(OSError):
        # Not the method of a line under TLS, which would forget that it is one.
        socket.socket.shutdown(line, socket.SHUT_RDWR)
