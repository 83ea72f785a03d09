"""A line between two programs that can be cut, and mended again."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

PIECE = 65536


class Proxy:
    """Passes on what comes to `port` to another loopback port, and back, while the line is whole."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._ends: set[socket.socket] = set()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        with self._lock:
            self._is_cut = True
            ends, self._ends = self._ends, set()
        for end in ends:
            _end(end)

    def mend(self) -> None:
        """Let new connections pass again."""
        self._is_cut = False

    def close(self) -> None:
        """Cut it for good."""
        self.cut()
        _end(self._listener)

    def _accept(self) -> None:
        while True:
            try:
                ours, _ = self._listener.accept()
            except OSError:  # closed
                return
            self._join(ours)

    def _join(self, ours: socket.socket) -> None:
        theirs = None if self._is_cut else self._reached()
        with self._lock:
            if theirs is not None and not self._is_cut:
                self._ends |= {ours, theirs}
                for one, other in ((ours, theirs), (theirs, ours)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()
                return
        for end in filter(None, (ours, theirs)):
            _end(end)

    def _reached(self) -> socket.socket | None:
        """The other side; None where nobody is there."""
        with contextlib.suppress(OSError):
            return socket.create_connection(("127.0.0.1", self._target))
        return None

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := one.recv(PIECE):
                other.sendall(piece)
        for end in (one, other):
            _end(end)
        with self._lock:
            self._ends -= {one, other}


def _end(end: socket.socket) -> None:
    # A shutdown wakes up who waits in recv or accept, which a close alone does not.
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextlib.contextmanager
def proxying(target: int) -> Iterator[Proxy]:
    """A proxy in front of that loopback port, for the length of the block."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
