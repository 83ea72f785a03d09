"""One request to a webhook's address: bounded in time, to an allowed machine, following nothing."""

from __future__ import annotations

import http.client
import socket
import ssl
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cases.exchange.deadline import cut, deadline
from cases.exchange.webhooks.addresses import resolved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# From the first packet to the last word of the answer's head.
SECONDS = 10.0
MULTIPLE_CHOICES = 300
OK = 200


@dataclass(frozen=True)
class Answer:
    """What became of a request: the status of the answer, or a code that says why there was none."""

    status: int | None = None
    failure: str = ""

    @property
    def is_taken(self) -> bool:
        """Whether the other side has taken it."""
        return self.status is not None and OK <= self.status < MULTIPLE_CHOICES


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float = SECONDS) -> Answer:
    """Post the body once. Never raises for what the other side, or the way there, does."""
    try:
        return _post(url, body, headers, time.monotonic() + seconds)
    except ssl.SSLError:
        return Answer(failure="tls")
    except TimeoutError:
        return Answer(failure="timeout")
    except socket.gaierror:
        return Answer(failure="unknown_host")
    except (OSError, http.client.HTTPException):
        return Answer(failure="no_answer")


def _post(url: str, body: bytes, headers: Mapping[str, str], until: float) -> Answer:
    parts = urlsplit(url)
    host, is_secure = parts.hostname or "", parts.scheme == "https"
    places = resolved(host, parts.port or (443 if is_secure else 80))
    if not places:
        return Answer(failure="address_refused")
    with (
        _connected(places, until) as plain,
        _secured(plain, host if is_secure else "") as line,
        # However slowly its words drip; a head that was cut off reads like a short one.
        deadline(lambda: cut(line), max(until - time.monotonic(), 0.0)),
    ):
        return _exchange(line, url, body, headers)


def _exchange(line: socket.socket, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    parts = urlsplit(url)
    if isinstance(line, ssl.SSLSocket):
        line.do_handshake()
    connection = http.client.HTTPConnection(parts.hostname or "")
    # Set by hand: it neither asks for the name again nor connects to anything else.
    connection.sock = line
    target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    connection.request("POST", target, body, {"Host": parts.netloc, **headers})
    return Answer(connection.getresponse().status)


@contextmanager
def _connected(
    places: list[tuple[socket.AddressFamily, tuple[object, ...]]], until: float
) -> Iterator[socket.socket]:
    """A connection to the first of the machines that answers."""
    failed: OSError = TimeoutError()
    for family, place in places:
        line = socket.socket(family, socket.SOCK_STREAM)
        line.settimeout(max(until - time.monotonic(), 0.01))
        try:
            line.connect(place)
        except OSError as error:
            line.close()
            failed = error
            continue
        with line:
            yield line
        return
    raise failed


@contextmanager
def _secured(line: socket.socket, host: str) -> Iterator[socket.socket]:
    """The line under TLS, where a host is given whose certificate is to be shown."""
    if not host:
        yield line
        return
    context = ssl.create_default_context()
    with context.wrap_socket(line, server_hostname=host, do_handshake_on_connect=False) as secured:
        yield secured
