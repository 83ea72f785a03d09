"""The portal's processes on a PostgreSQL and a Valkey of their own, brought up once for all faults."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2

from tests.faults.portal import Portal
from tests.faults.process import Process
from tests.faults.uploads import Client
from tests.support import postgres, tcp_proxy, valkey
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Stack(Portal):
    """What a fault may break, and how to ask what came of it."""

    folder: Path
    database: postgres.Server
    broker: valkey.Server
    line: tcp_proxy.Proxy
    web: Process
    analysis: Process
    maintenance: Process
    second_beat: Process
    client: Client
    address: str

    def ask(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg2.connect(self.database.url) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
        connection.close()
        return rows

    def change(self, statement: str, *values: Any) -> None:
        with psycopg2.connect(self.database.url) as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
        connection.close()


@contextmanager
def running(folder: Path, analyses_at_once: int = 2) -> Iterator[Stack]:
    """Everything, for the length of the block."""
    with ExitStack() as until_the_end:
        enter = until_the_end.enter_context
        database, broker = enter(postgres.restartable()), enter(valkey.restartable())
        line = enter(tcp_proxy.proxying(database.port))
        port = free_port()
        environment = _environment(folder, database.url, broker.url)
        _migrate(environment)
        token = said([sys.executable, "-m", "tests.faults.prepare"], environment)
        through = urlsplit(database.url)._replace(netloc=f"secondread@127.0.0.1:{line.port}").geturl()
        address = f"http://127.0.0.1:{port}"
        made = Stack(
            folder=folder,
            database=database,
            broker=broker,
            line=line,
            web=Process(
                _python("portal.standalone.webserver", "127.0.0.1", str(port)),
                environment | {"DATABASE_URL": through},
                folder / "web.log",
                lambda _: _answers(f"{address}/health/live/"),
            ),
            # As docker-compose.yml has it.
            analysis=Process(
                _celery(
                    "worker",
                    "--queues=analysis",
                    "--hostname=analysis@faults",
                    f"--concurrency={analyses_at_once}",
                    "--without-gossip",
                    "--without-mingle",
                ),
                environment,
                folder / "analysis.log",
                says_ready,
            ),
            maintenance=Process(
                _python(
                    "portal.standalone.maintenance",
                    "--queues=maintenance",
                    "--hostname=maintenance@faults",
                    "--pool=threads",
                    "--concurrency=6",
                    "--loglevel=INFO",
                ),
                environment,
                folder / "maintenance.log",
                says_ready,
            ),
            second_beat=Process(
                _celery("beat", f"--schedule={folder / 'second-schedule'}"),
                environment,
                folder / "second-beat.log",
                lambda process: "beat: Starting" in process.said(),
            ),
            client=Client(address, token),
            address=address,
        )
        processes = (made.web, made.analysis, made.maintenance)
        for process in (*processes, made.second_beat):
            until_the_end.callback(process.kill)
        for process in processes:
            process.begin()
        for process in processes:
            process.wait_until_ready()
        yield made


def says_ready(process: Process) -> bool:
    """Whether a worker has its broker, and its pool."""
    return " ready." in process.said()


def _environment(folder: Path, database: str, broker: str) -> dict[str, str]:
    scratch = folder / "scratch"
    scratch.mkdir()
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "DATABASE_URL": database,
        "CELERY_BROKER_URL": broker,
        "SECONDREAD_VAR": str(folder),
        "SECRET_KEY": "only-for-faults-" + "x" * 40,
        "ALLOWED_HOSTS": "127.0.0.1",
        "TMPDIR": str(scratch),
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _migrate(environment: dict[str, str]) -> None:
    said([sys.executable, "manage.py", "migrate", "--verbosity=0"], environment)


def said(command: list[str], environment: dict[str, str]) -> str:
    """What a command says. Raises RuntimeError with its words where it fails."""
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"{command} failed:\n{ran.stderr}")
    return ran.stdout


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]


def _celery(command: str, *arguments: str) -> list[str]:
    return _python("celery", "--app=portal.celery", command, *arguments, "--loglevel=INFO")


def _answers(address: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
        return bool(answer.status == 200)
    return False
