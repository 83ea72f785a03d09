"""The embedded web server under slow clients: in this process, on loopback, with a patience of moments."""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.urls import reverse
from waitress.buffers import OverflowableBuffer
from waitress.wasyncore import loop

from portal.standalone import webserver
from portal.standalone.webserver import Patience, Server
from portal.wsgi import application as portal_application

ROOT = Path(__file__).resolve().parents[2]
# More than the sockets of both sides hold on loopback.
EXPORT = 10 * 2**20
PIECE = b"x" * 2**16
UPLOAD = "/cases/upload/"


class Application:
    """Stands for the portal: an export without a length, an upload that is counted, and small pages."""

    def __init__(self, export: int = EXPORT) -> None:
        self.size_of_export = export
        self.exports_made = 0
        self.taken = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        if environ["PATH_INFO"] == "/export":
            start_response("200 OK", [])
            return self.export()
        taken = 0
        while data := environ["wsgi.input"].read(2**20):
            taken += len(data)
        self.taken = taken
        start_response("200 OK", [("Content-Length", "4")])
        return [b"page"]

    def export(self) -> Iterator[bytes]:
        for _ in range(self.size_of_export // len(PIECE)):
            yield PIECE
        self.exports_made += 1


class Running:
    """A server whose main loop runs in a thread of its own."""

    def __init__(self, application: Callable[..., Any], **options: Any) -> None:
        self.application: Any = application
        self.server = Server(application, webserver.listening("127.0.0.1", 0), **options)
        self.port = int(self.server.effective_port)
        self._stopped = threading.Event()
        self._loop = threading.Thread(target=self._run)
        self._loop.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            loop(timeout=0.05, use_poll=True, map=self.server._map, count=1)

    def stop(self) -> None:
        self._stopped.set()
        self._loop.join()
        for channel in list(self.server.active_channels.values()):
            channel.handle_close()
        self.server.close()
        self.server.task_dispatcher.shutdown()

    def connection(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def get(self, path: str = "/", seconds: float = 5) -> tuple[int, bytes]:
        return self.ask("GET", path, seconds=seconds)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        seconds: float = 30,
    ) -> tuple[int, bytes]:
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)) as asked:
            asked.request(method, path, body, headers or {})
            answer = asked.getresponse()
            return answer.status, answer.read()


@pytest.fixture
def serve() -> Iterator[Callable[..., Running]]:
    with contextlib.ExitStack() as stack:

        def start(application: Callable[..., Any] | None = None, **options: Any) -> Running:
            running = Running(application or Application(), **options)
            stack.callback(running.stop)
            return running

        yield start


def connections_to(
    stack: contextlib.ExitStack, running: Running, number: int, begin: str
) -> list[socket.socket]:
    clients = [stack.enter_context(running.connection()) for _ in range(number)]
    for client in clients:
        client.sendall(begin.encode())
    return clients


def wait_until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_cut(client: socket.socket) -> bool:
    """Whether the server has closed it; what it said before is read away."""
    try:
        while client.recv(2**20):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def test_hundred_slow_clients_keep_nobody_from_a_page(serve) -> None:
    """12 of them stopped a server that gives each a thread."""
    export = Application()

    def portal(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        return (export if environ["PATH_INFO"] == "/export" else portal_application)(environ, start_response)

    running = serve(portal)
    # The first request makes Django read its views and templates.
    assert running.get("/accounts/sign-in/", seconds=30)[0] == 200
    with contextlib.ExitStack() as stack:
        slow = connections_to(stack, running, 40, "GET /health/live/ HTTP/1.1\r\nHost: lo")
        slow += connections_to(
            stack, running, 40, f"POST {UPLOAD} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000\r\n\r\n"
        )
        readers = connections_to(stack, running, 20, "GET /export HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(10):
            for each in slow:
                each.sendall(b"c")
            for each in readers:
                assert each.recv(100)
            # Its own time-out is the bound.
            assert running.get("/accounts/sign-in/", seconds=3)[0] == 200
        # No reader keeps a thread either: the rest of the exports waits outside of them.
        wait_until(lambda: export.exports_made == len(readers))
        wait_until(lambda: running.server.task_dispatcher.active_count == 0)
        wait_until(lambda: len(running.server.active_channels) == 100)


@pytest.mark.parametrize(
    "begin",
    [
        pytest.param("", id="nothing"),
        pytest.param("GET / HTTP/1.1\r\nX-Slow: ", id="head"),
        pytest.param(f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n", id="body"),
        pytest.param(
            f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", id="chunk"
        ),
    ],
)
def test_client_that_sends_hardly_anything_is_let_go(serve, begin: str) -> None:
    running = serve(patience=Patience(idle=1, header=1, silence=60, start=1, rate=2000))
    with running.connection() as client:
        client.settimeout(0.2)
        client.sendall(begin.encode())
        deadline = time.monotonic() + 8
        while not is_cut(client):
            assert time.monotonic() < deadline
            if begin:
                with contextlib.suppress(OSError):
                    client.sendall(b"x")


def test_body_that_stalls_after_a_quick_beginning_is_let_go(serve) -> None:
    running = serve(patience=Patience(silence=1, start=60, rate=2000))
    with running.connection() as client:
        client.sendall(f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n".encode())
        client.sendall(b"x" * 500_000)
        assert is_cut(client)


def test_steady_client_may_take_longer_than_the_patience_for_a_beginning(serve) -> None:
    running = serve(patience=Patience(idle=1, header=1, silence=1, start=1, rate=2000))
    with running.connection() as client:
        client.sendall(f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 25000\r\n\r\n".encode())
        for _ in range(25):
            client.sendall(b"x" * 1000)
            time.sleep(0.1)
        assert client.recv(15) == b"HTTP/1.1 200 OK"


def test_reader_that_stops_is_let_go_and_gives_its_thread_back(serve) -> None:
    """Even where more is to be read than is ever prepared ahead."""
    running = serve(patience=Patience(silence=1), outbuf_high_watermark=2**20)
    with running.connection() as client:
        client.sendall(b"GET /export HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(100)
        wait_until(lambda: running.server.task_dispatcher.active_count == 1)
        wait_until(lambda: running.server.task_dispatcher.active_count == 0)
    assert running.application.exports_made == 0
    assert running.get() == (200, b"page")


def test_export_that_waits_to_be_read_lies_in_a_file_without_a_name(serve, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    size = 60 * 2**20
    running = serve(Application(export=size))
    process = psutil.Process()
    before = process.memory_info().rss
    with running.connection() as client:
        client.sendall(b"GET /export HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: running.application.exports_made == 1)
        assert process.memory_info().rss - before < size / 3
        assert list(tmp_path.iterdir()) == []
        taken = 0
        while piece := client.recv(2**20):
            taken += len(piece)
    assert taken > size


def test_large_upload_is_taken_in_by_a_file_without_a_name(serve, tmp_path, monkeypatch) -> None:
    """A process that is killed leaves nothing behind."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    running = serve()
    process = psutil.Process()
    before, size, seen = process.memory_info().rss, 100 * 2**20, []

    def pieces() -> Iterator[bytes]:
        for number in range(size // 2**20):
            if number % 20 == 19:
                seen.append((process.memory_info().rss - before, list(tmp_path.iterdir())))
            yield bytes(2**20)

    assert running.ask("POST", UPLOAD, pieces()) == (200, b"page")
    assert running.application.taken == size
    assert max(memory for memory, _ in seen) < size / 3
    assert [names for _, names in seen] == [[]] * 5


@pytest.mark.parametrize(
    ("path", "most"),
    [("/accounts/sign-in/", webserver.PAGE_BYTES), (UPLOAD, webserver.UPLOAD_BYTES)],
)
def test_body_beyond_its_limit_is_refused_from_its_head(serve, path: str, most: int) -> None:
    running = serve()
    with running.connection() as client:
        client.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {most}\r\n\r\n".encode())
        assert client.recv(12) == b"HTTP/1.1 413"


def test_head_beyond_its_limit_is_refused(serve) -> None:
    running = serve()
    with running.connection() as client:
        client.sendall(b"GET / HTTP/1.1\r\nX-Long: " + b"x" * webserver.HEADER_BYTES)
        assert b" 431 " in client.recv(50)


def test_upload_that_would_fill_the_disk_is_refused_in_words_and_small_forms_are_taken(
    serve, monkeypatch
) -> None:
    monkeypatch.setattr(webserver, "LEAST_FREE_BYTES", 2**62)
    running = serve()
    status, words = running.ask("POST", UPLOAD, bytes(2 * 2**20))
    assert status == 507
    assert b"The disk of this portal is full" in words
    assert running.ask("POST", "/accounts/sign-in/", b"name=x") == (200, b"page")


def test_client_that_sends_on_after_it_was_refused_reads_why(serve) -> None:
    """A socket that is closed with bytes unread is reset, and the answer is lost on its way."""
    running = serve()
    with running.connection() as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % webserver.PAGE_BYTES)
        wait_until(lambda: ended(running))
        client.sendall(bytes(webserver.PAGE_BYTES))
        assert client.recv(12) == b"HTTP/1.1 413"
    wait_until(lambda: not running.server.active_channels)
    assert running.application.taken == 0


@pytest.mark.parametrize(
    "patience", [Patience(farewell=0.5), Patience(quiet=0.5)], ids=["sends", "is silent"]
)
def test_client_that_never_ends_after_the_last_answer_is_let_go(serve, patience: Patience) -> None:
    running = serve(patience=patience)
    with running.connection() as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        wait_until(lambda: ended(running))

        def is_gone() -> bool:
            if patience.farewell < 1:
                with contextlib.suppress(OSError):
                    client.sendall(b"x")
            return not running.server.active_channels

        wait_until(is_gone)


def ended(running: Running) -> bool:
    """Whether a client has its last answer and may still be sending."""
    return any(channel.ended is not None for channel in running.server.active_channels.values())


def test_disk_that_is_found_full_while_an_upload_arrives_is_told(serve, monkeypatch) -> None:
    def full(self: OverflowableBuffer, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    running = serve()
    monkeypatch.setattr("waitress.receiver.FixedStreamReceiver.received", full)
    with running.connection() as client:
        client.sendall(f"POST {UPLOAD} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n".encode())
        client.sendall(b"x")
        assert client.recv(12) == b"HTTP/1.1 507"


def test_connection_that_waits_longest_makes_room_for_a_new_one(serve) -> None:
    running = serve(connections=10)
    with contextlib.ExitStack() as stack:
        heads = connections_to(stack, running, 5, "GET / HTTP/1.1\r\n")
        idle = connections_to(stack, running, 5, "")
        wait_until(lambda: len(running.server.active_channels) == 10)
        assert running.get() == (200, b"page")
        assert is_cut(idle[0])
        for each in [heads[0], idle[1]]:
            each.settimeout(0.1)
            assert not is_cut(each)


def test_forwarding_headers_of_a_client_do_not_arrive(serve) -> None:
    seen: dict[str, Any] = {}

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        seen.update(environ)
        start_response("204 No Content", [])
        return []

    running = serve(application)
    claimed = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https", "Forwarded": "for=203.0.113.9"}
    assert running.ask("GET", "/", headers=claimed) == (204, b"")
    assert seen["REMOTE_ADDR"] == "127.0.0.1"
    assert not {name for name in seen if "FORWARDED" in name}


def test_uploads_are_the_routes_that_take_files_and_the_proxy_knows_the_same() -> None:
    studies = reverse("api:dicomweb-studies", args=[uuid.uuid4()])
    for address in (reverse("cases:upload"), reverse("api:uploads"), studies):
        assert webserver.UPLOADS.fullmatch(address)
    proxy = (ROOT / ".docker" / "nginx.conf.template").read_text(encoding="utf-8")
    assert f"location ~ ^{webserver.UPLOADS.pattern}$" in proxy
    assert "client_max_body_size 10m;" in proxy
    assert "client_max_body_size 2g;" in proxy
