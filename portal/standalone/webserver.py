"""The embedded web server: waitress, in which a thread is taken only by a request that is here as a whole.

Its main loop takes requests in and hands answers out, in memory while they are small and in unnamed files
otherwise, which end with the process. What it lacks is here: who sends or reads hardly anything is let go,
the longest waiting connection makes room for a new one, and what is sent in has limits by what it is for.
Why waitress: docs/adr/0013-the-embedded-portal.md.
"""

from __future__ import annotations

import copy
import errno
import logging
import os
import re
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.utilities import Error

# As many as the proxy of a team lets in from one address, and more: each is a socket and up to two files.
CONNECTIONS = 400
FILES_A_CONNECTION = 3
THREADS = 8
HEADER_BYTES = 32 * 2**10
# The proxy's limits (.docker/nginx.conf.template): the portal itself refuses an upload that is too large,
# with a sentence at that file; no other page of ours sends so much.
PAGE_BYTES = 10 * 2**20
UPLOAD_BYTES = 2 * 2**30
UPLOADS = re.compile(r"/(cases/upload/|api/v1/uploads/|api/v1/dicomweb/[^/]+/studies)")
# More than this of a request or an answer goes into a file. Of an answer that is not read, so much is
# prepared ahead: an export of some 150,000 reviews, so that none of them keeps a thread.
IN_MEMORY_BYTES = 2**20
AHEAD_BYTES = 256 * 2**20
PIECE_BYTES = 128 * 2**10
# Less is left for the database, which must not be the one that finds the disk full.
LEAST_FREE_BYTES = 200 * 2**20
STOP_SECONDS = 2

logger = logging.getLogger("portal.standalone.webserver")


@dataclass(frozen=True)
class Patience:
    """How long a client is waited for, in seconds.

    idle: between two requests, and before the first. header: for the whole of a request's head. silence:
    without a byte of a body, or of an answer read. Bodies and answers may also take no longer than `start`,
    and a second for each `rate` bytes that have passed. farewell: for the rest of what a client sends after
    the last answer, quiet: without a byte of it.
    """

    idle: float = 60
    header: float = 10
    silence: float = 30
    start: float = 30
    rate: int = 2000
    farewell: float = 30
    quiet: float = 5

    def is_over(self, waited: float, passed: int) -> bool:
        """Whether a body or an answer has had its time."""
        return waited > self.start + passed / self.rate


class InsufficientStorage(Error):
    """The answer to what this disk cannot take."""

    code = 507
    reason = "Insufficient Storage"


class Parser(HTTPRequestParser):
    """A request as it arrives: knows since when, and whether there is room for it."""

    adj: Any

    def __init__(self, adj: Adjustments) -> None:
        super().__init__(adj)
        self.began = time.time()

    def received(self, data: bytes) -> int:
        """As waitress's; a body for which the disk has no room is refused."""
        try:
            if not self._goes_into_a_file() or _has_room():
                return int(super().received(data))
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        self.error = InsufficientStorage("The disk of this portal is full. Nothing of this was stored.")
        self.completed = True
        return len(data)

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if not UPLOADS.fullmatch(self.path):
            self.adj = copy.copy(self.adj)
            self.adj.max_request_body_size = PAGE_BYTES

    def is_overdue(self, now: float, patience: Patience) -> bool:
        """Whether the client has had its time to send this."""
        waited = now - self.began
        if not self.headers_finished:
            return waited > patience.header
        return patience.is_over(waited, self.body_bytes_received)

    def _goes_into_a_file(self) -> bool:
        most = self.adj.inbuf_overflow
        return self.content_length > most or self.body_bytes_received > most


def _has_room() -> bool:
    disk = os.statvfs(tempfile.gettempdir())
    return disk.f_bavail * disk.f_frsize > LEAST_FREE_BYTES


class Channel(HTTPChannel):
    """One connection."""

    parser_class = Parser
    sendbuf_len: int
    sent = 0
    # When something was first seen to wait for this client to read it, and what it had read before.
    owing: tuple[float, int] | None = None
    close_when_flushed: bool
    # When the last answer had gone out; what still comes is thrown away.
    ended: float | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # So much is read from the file for each try to send, which the socket's buffer would make megabytes.
        self.sendbuf_len = min(self.sendbuf_len, PIECE_BYTES)

    def handle_write(self) -> None:
        """As waitress's, but a connection ends at its client's end.

        A socket that is closed while its client still sends is reset, and a reset takes away the answer that
        the client has not read: an upload that is refused by its head would be told nothing.
        """
        # Under this lock a thread says that the connection closes.
        with self.requests_lock:
            closes, self.close_when_flushed = self.close_when_flushed, False
            super().handle_write()
            if not closes or not self.connected:
                return
            if self.total_outbufs_len:
                self.close_when_flushed = True
                return
        self.ended = time.time()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:  # the client was quicker
            self.handle_close()

    def received(self, data: bytes) -> bool:
        """As waitress's; after the last answer nothing is a request."""
        return self.ended is None and bool(super().received(data))

    def send(self, data: bytes, do_close: bool = True) -> int:
        """As waitress's; counts what goes out."""
        count = int(super().send(data, do_close))
        self.sent += count
        return count

    def is_overdue(self, now: float, patience: Patience) -> bool:
        """Whether this client has had its time, be it to read or to send."""
        silent = now - self.last_activity
        if self.ended is not None:
            return silent > patience.quiet or now - self.ended > patience.farewell
        if self.total_outbufs_len:
            since, before = self.owing = self.owing or (now, self.sent)
            return silent > patience.silence or patience.is_over(now - since, self.sent - before)
        self.owing = None
        if self.requests:  # it waits for us
            return False
        if self.request is None:
            return silent > patience.idle
        return silent > patience.silence or self.request.is_overdue(now, patience)

    def rank(self) -> tuple[int, float]:
        """The lower, the sooner it may go: ended, between requests, in a head, in a body; the oldest."""
        request = self.request
        if self.ended is not None:
            return -1, self.creation_time
        return 0 if request is None else 2 if request.headers_finished else 1, self.creation_time


class Server(TcpWSGIServer):
    """Serves `application` on a listening socket."""

    channel_class = Channel

    def __init__(
        self,
        application: Callable[..., Any],
        listener: socket.socket,
        *,
        connections: int = CONNECTIONS,
        patience: Patience = Patience(),
        **adjusted: Any,
    ) -> None:
        self.patience = patience
        self.connections = connections
        super().__init__(
            application,
            map={},
            _sock=listener,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            adj=_adjustments(connections, **adjusted),
        )

    def maintenance(self, now: float) -> None:
        """Let the slow ones go; called by the main loop every second."""
        for channel in list(self.active_channels.values()):
            if channel.is_overdue(now, self.patience):
                # Not by waitress's own mark: it is looked at once the client reads on.
                channel.handle_close()

    def handle_accept(self) -> None:
        if len(self.active_channels) >= self.connections:
            self._make_room()
        super().handle_accept()

    def _make_room(self) -> None:
        waiting = [each for each in self.active_channels.values() if not each.requests]
        if waiting:
            min(waiting, key=Channel.rank).handle_close()

    def run(self) -> None:
        """Serve until SystemExit, which a signal raises; what is being answered has a moment to end."""
        try:
            self.asyncore.loop(timeout=self.adj.asyncore_loop_timeout, map=self._map, use_poll=True)
        except SystemExit:
            self.task_dispatcher.shutdown(timeout=STOP_SECONDS)


def _adjustments(connections: int, **adjusted: Any) -> Adjustments:
    return Adjustments(
        **{
            "threads": THREADS,
            "ident": "SecondRead",
            "max_request_header_size": HEADER_BYTES,
            "max_request_body_size": UPLOAD_BYTES,
            "recv_bytes": 64 * 2**10,
            "inbuf_overflow": IN_MEMORY_BYTES,
            "outbuf_overflow": IN_MEMORY_BYTES,
            "outbuf_high_watermark": AHEAD_BYTES,
            # Ours makes room before this is reached, unless all of them are being answered.
            "connection_limit": connections + 8,
            "cleanup_interval": 1,
            "asyncore_loop_timeout": 1,
            # A client that goes away is no event.
            "log_socket_errors": False,
            **adjusted,
        }
    )


def listening(host: str, port: int) -> socket.socket:
    """A listening socket; of "::" for IPv4 as well."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    both = family == socket.AF_INET6 and address[0] == "::" and socket.has_dualstack_ipv6()
    return socket.create_server(address[:2], family=family, backlog=1024, dualstack_ipv6=both)


def main() -> int:
    """`python -m portal.standalone.webserver HOST PORT`: serve the portal until SIGTERM."""
    host, port = sys.argv[1:]
    signal.signal(signal.SIGTERM, _stop)
    _allow_files(CONNECTIONS * FILES_A_CONNECTION + 100)
    from portal.wsgi import application

    # At INFO each client that goes away, at WARNING each request that waits for a thread.
    logging.getLogger("waitress").setLevel(logging.WARNING)
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    with listening(host, int(port)) as listener:
        logger.info("Listening on %s port %s.", host, port)
        Server(application, listener).run()
    return 0


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)


def _allow_files(number: int) -> None:
    """Have as many files open as this system lets its users have, if that is needed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    sys.exit(main())
