"""A live server that can be drained: everything it was asked is answered, and nobody can ask any more."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from django.core.servers.basehttp import ThreadedWSGIServer

DRAIN_SECONDS = 60


class DrainedServer(ThreadedWSGIServer):
    """Knows which connections are open, each of which has a thread.

    A request that is under way while the database is emptied may deadlock with that, and a page's scripts ask
    at any time. So the doors are shut, and whoever is inside is served, before the database is emptied.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._inside: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._is_open = True
        super().__init__(*args, **kwargs)

    def open_doors(self) -> None:
        """Serve who comes from now on."""
        self._is_open = True

    def drain(self) -> None:
        """Refuse new connections and return once those that are there have had their answers.

        Raises TimeoutError where a request does not come to its end.
        """
        self._is_open = False
        self._wait_for_those_before()
        with self._changed:
            for connection in self._inside:
                # What has arrived is read still, and then the connection's end.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
            if not self._changed.wait_for(lambda: not self._inside, DRAIN_SECONDS):
                raise TimeoutError(f"{len(self._inside)} requests have no answer after {DRAIN_SECONDS} s")

    def _wait_for_those_before(self) -> None:
        """They are taken in their order: once this one is refused, those before it are inside or refused."""
        with socket.create_connection(self.server_address[:2]) as last, contextlib.suppress(OSError):
            last.recv(1)

    def verify_request(self, request: Any, client_address: Any) -> bool:
        if self._is_open:
            with self._changed:
                self._inside.add(request)
        return self._is_open

    def close_request(self, request: Any) -> None:
        super().close_request(request)
        with self._changed:
            self._inside.discard(request)
            self._changed.notify_all()
