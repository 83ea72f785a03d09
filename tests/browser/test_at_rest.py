"""What the other tests here stand on: a browser that reaches this machine alone, a server that is drained."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.request import urlopen

import pytest
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import Error, Page

from tests.support.live import DrainedServer


class Portal:
    """Answers once it is told to."""

    def __init__(self) -> None:
        self.asked, self.told = threading.Event(), threading.Event()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        self.asked.set()
        assert self.told.wait(20)
        start("200 OK", [("Content-Length", "4")])
        return [b"done"]


@pytest.fixture
def portal() -> Portal:
    return Portal()


@pytest.fixture
def server(portal: Portal) -> Iterator[DrainedServer]:
    fresh = DrainedServer(("127.0.0.1", 0), QuietWSGIRequestHandler)
    fresh.set_app(portal)
    thread = threading.Thread(target=lambda: fresh.serve_forever(poll_interval=0.01))
    thread.start()
    yield fresh
    fresh.shutdown()
    fresh.server_close()
    thread.join()


def in_background(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


@pytest.mark.usefixtures("transactional_db")
def test_drained_server_answers_what_it_was_asked_and_refuses_what_comes_then(
    server: DrainedServer, portal: Portal
) -> None:
    address = f"http://127.0.0.1:{server.server_port}/"
    answers: list[bytes] = []
    asking = in_background(lambda: answers.append(urlopen(address, timeout=20).read()))
    assert portal.asked.wait(20)
    # A browser keeps such connections for what it may want next.
    idle = socket.create_connection(("127.0.0.1", server.server_port))
    draining = in_background(server.drain)
    draining.join(0.2)
    assert draining.is_alive()
    portal.told.set()
    draining.join(20)
    assert not draining.is_alive()
    asking.join(20)
    assert answers == [b"done"]
    assert idle.recv(1) == b""
    idle.close()
    with socket.create_connection(("127.0.0.1", server.server_port)) as late:
        assert late.recv(1) == b""

    server.open_doors()
    assert urlopen(address, timeout=20).read() == b"done"


@pytest.mark.parametrize("host", ["example.org", "192.0.2.1"])
def test_browser_knows_no_host_but_this_machine(host: str, page: Page) -> None:
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto(f"http://{host}/")
