"""`make run`'s supervisor, for real: it says when it is ready, and nothing outlives it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# What the standalone portal decides for itself must not come from this test run.
NOT_INHERITED = {"CELERY_BROKER_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "HOST", "PORT"}

# The broker, the web, the analysis and the maintenance with its beat: with supervisor and `make` six.
BELOW = ["--queues=analysis", "portal.standalone.maintenance", "portal.standalone.webserver", "valkey-server"]

pytestmark = pytest.mark.timeout(600)


@dataclass
class Portal:
    """A running supervisor and the processes below it, as they were when it was ready."""

    process: subprocess.Popen[str]
    port: int
    said: list[str]
    below: list[psutil.Process]

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def end(self) -> str:
        """Wait for its end; what it said since it was ready."""
        assert self.process.stdout is not None
        # Not by `communicate`, which knows nothing of what was read ahead of the last line.
        rest = self.process.stdout.read()
        self.process.wait(30)
        return rest

    def left(self, seconds: float = 10) -> list[psutil.Process]:
        """The processes below that still run when the time is over.

        One that has ended and that nobody has asked about runs no more; a container without an
        init process keeps such entries.
        """
        deadline = time.monotonic() + seconds
        while (alive := [each for each in self.below if runs(each)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        return alive


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def start(var: Path, port: int | str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    return subprocess.Popen(
        [sys.executable, "-m", "portal.standalone"],
        cwd=ROOT,
        env=environment | {"SECONDREAD_VAR": str(var), "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@contextlib.contextmanager
def ready_portal(var: Path) -> Iterator[Portal]:
    port = free_port()
    process = start(var, port)
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if line.startswith("SecondRead is ready"):
                break
        assert process.poll() is None, "\n".join(said)
        yield Portal(process, port, said, psutil.Process(process.pid).children(recursive=True))
    finally:
        if process.poll() is None:
            process.kill()
        process.stdout.close()
        process.wait()


@pytest.mark.long
def test_portal_says_ready_and_leaves_nothing_however_it_ends(tmp_path: Path) -> None:
    """Three starts on one data folder, in one test, since the first fills it for the others."""
    with ready_portal(tmp_path) as portal:
        assert any("Static files" in line for line in portal.said)
        assert portal.said[-1] == f"SecondRead is ready at http://127.0.0.1:{portal.port}"
        with urllib.request.urlopen(portal.address("accounts/sign-in/")) as answer:
            assert answer.status == 200
        is_refused_with_the_address_of(portal, tmp_path)
        four_processes_do_all(portal, tmp_path / "log")
        portal.process.send_signal(signal.SIGTERM)
        rest = portal.end()
        assert "radiologist@demo.example" in rest
        assert rest.endswith("SecondRead has stopped.\n")
        assert portal.process.returncode == 0
        assert portal.left(0) == []
    with ready_portal(tmp_path) as portal:
        # What is there is not made again.
        assert not any("Static files" in line for line in portal.said)
        what_ends_is_started_again(portal, tmp_path / "log")
        # As Ctrl-C in a terminal does.
        os.killpg(portal.process.pid, signal.SIGINT)
        rest = portal.end()
        for name in ("analysis", "broker", "maintenance", "web"):
            assert f"The {name} process stopped by itself and is started again" in rest
        assert rest.endswith("SecondRead has stopped.\n")
        assert portal.process.returncode == 0
        assert portal.left(0) == []
    with ready_portal(tmp_path) as portal:
        portal.process.kill()
        # Each is asked to end by itself then, and a worker may be loading the network just now.
        assert portal.left(60) == []


def four_processes_do_all(portal: Portal, log: Path) -> None:
    found = [" ".join(each.cmdline()) for each in portal.below]
    assert sorted(part for line in found for part in BELOW if part in line) == BELOW
    assert len(found) == len(BELOW), found
    # Beat is where nobody sees it: what it sends is swept.
    wait_until(lambda: "sweep_jobs" in (log / "maintenance.log").read_text(), 30)


def what_ends_is_started_again(portal: Portal, log: Path) -> None:
    """All four at once, which asks most of it; the queue works again, which takes broker and workers."""
    begun = {name: said_ready(log, name) for name in ("analysis", "maintenance")}
    for former in portal.below:
        former.kill()
    supervisor = psutil.Process(portal.process.pid)
    wait_until(lambda: not any(runs(former) for former in portal.below), 30)
    wait_until(lambda: len(supervisor.children(recursive=True)) == len(BELOW), 60)
    wait_until(lambda: all(said_ready(log, name) > before for name, before in begun.items()), 120)
    portal.below = supervisor.children(recursive=True)
    wait_until(lambda: is_ready(portal), 60)


def is_ready(portal: Portal) -> bool:
    """Whether the web answers, and has its database and broker."""
    with contextlib.suppress(OSError), urllib.request.urlopen(portal.address("health/ready/")) as answer:
        return bool(answer.status == 200)
    return False


def said_ready(log: Path, name: str) -> int:
    return (log / f"{name}.log").read_text().count(" ready.")


def wait_until(holds: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def is_refused_with_the_address_of(portal: Portal, var: Path) -> None:
    """A second portal on the same data does not start, and the first goes on."""
    second = start(var, free_port())
    said, _ = second.communicate(timeout=30)
    assert second.returncode == 1
    assert f"SecondRead is already running with this data, at http://127.0.0.1:{portal.port}." in said
    assert portal.process.poll() is None


def test_taken_port_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        refused = start(tmp_path, port)
        said, _ = refused.communicate(timeout=30)
    assert refused.returncode == 1
    assert f"SecondRead cannot listen on 127.0.0.1 port {port}: Address already in use." in said
    assert not (tmp_path / "secondread.sqlite3").exists()
