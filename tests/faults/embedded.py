"""`make run`: each of its processes killed, and one that dies after every start."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.faults.fault import Fault, Told
from tests.faults.portal import Portal
from tests.faults.process import Process
from tests.faults.stack import said
from tests.faults.uploads import Client, done
from tests.support.ports import free_port

# What the embedded portal decides for itself must not come from here.
NOT_INHERITED = {"CELERY_BROKER_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "HOST", "PORT"}
LINES = {
    "broker": "valkey-server",
    "analysis": "--queues=analysis",
    "maintenance": "portal.standalone.maintenance",
    "web": "portal.standalone.webserver",
}
# A process that lasted so long begins its pauses anew.
LASTING_SECONDS = 62
GIVEN_UP = "is given up"


class Embedded(Portal):
    """`python -m portal.standalone` on a data folder of its own."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        environment = inherited | {
            "SECONDREAD_VAR": str(folder),
            "PORT": str(port),
            "API_RATE": "",
            "API_UPLOAD_RATE": "",
        }
        self._folder = folder
        self._database = folder / "secondread.sqlite3"
        self.supervisor = Process(
            [sys.executable, "-m", "portal.standalone"],
            environment,
            folder / "supervisor-says.log",
            lambda process: "SecondRead is ready" in process.said(),
        )
        self.supervisor.start()
        settings = {"DJANGO_SETTINGS_MODULE": "portal.settings.base", "CELERY_BROKER_URL": "memory://"}
        token = said([sys.executable, "-m", "tests.faults.prepare"], environment | settings)
        self.client = Client(f"http://127.0.0.1:{port}", token)

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self._database, timeout=20)) as connection:
            rows: list[tuple[Any, ...]] = connection.execute(statement.replace("%s", "?"), values).fetchall()
        return rows

    def forget_messages(self) -> None:
        """Empty its broker."""
        with redis.Redis(unix_socket_path=str(self._folder / "run" / "valkey.sock")) as broker:
            broker.flushall()

    def find(self, name: str) -> psutil.Process | None:
        """The process of that name, as it is now."""
        for child in self.supervisor.children():
            with suppress(psutil.NoSuchProcess):
                if LINES[name] in " ".join(child.cmdline()):
                    return child
        return None

    def kill(self, name: str) -> int:
        """SIGKILL to it as soon as it is there; its number."""
        self.wait_until(lambda: self.find(name))
        found = self.find(name)
        assert found is not None
        found.kill()
        return int(found.pid)


@contextmanager
def running(folder: Path) -> Iterator[Embedded]:
    """The embedded portal, for the length of the block."""
    portal = Embedded(folder)
    try:
        yield portal
    finally:
        portal.supervisor.stop()


def _kill(name: str) -> Any:
    def run(portal: Embedded, cases: int) -> Told:
        begun = portal.client.begin_many(cases)
        portal.wait_until(portal.at_work, 30)
        former = portal.kill(name)
        began = time.monotonic()
        if name == "maintenance":
            # So that it takes a sweep to end what waits.
            portal.forget_messages()
        portal.wait_until(lambda: (new := portal.find(name)) and new.pid != former)
        more, _ = portal.recovery()
        seconds = time.monotonic() - began
        return Told([*done(begun), *more], seconds)

    return run


def give_up(portal: Embedded, cases: int) -> Told:
    """After five more starts in a row the portal ends, in words; what it has is whole."""
    codes = portal.client.upload_many(cases)
    portal.settle()
    began = time.monotonic()
    while not portal.supervisor.has_ended():
        with suppress(psutil.NoSuchProcess):
            if found := portal.find("analysis"):
                found.kill()
        time.sleep(0.05)
    words = portal.supervisor.said()
    wrong = [] if GIVEN_UP in words else [f"it ended with: {words[-200:]}"]
    return Told(codes, time.monotonic() - began, wrong=wrong)


FAULTS = (
    *(Fault(f"embedded-{name}", f"make run: kill -9 of its {name}", _kill(name)) for name in LINES),
    # With its pauses of 51 s in all.
    Fault("embedded-given-up", "make run: its analysis is killed after every start", give_up, 75.0),
)
