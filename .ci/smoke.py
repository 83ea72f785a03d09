"""`make smoke`: what a stranger does, on a machine where nothing of this project was ever installed.

Clones HEAD into an empty folder whose name has a space and an umlaut, with an empty HOME, and types `make
run` there, which makes an environment from requirements.txt alone. Then one case goes from upload to export
over HTTP, `make run` is told to stop, and nothing of it may be left. At last the container image's list of
packages is tried in the same environment. The standard library alone; the only thing that is shared with
this machine is how it reaches a package registry.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from smoke_command import SmokeError, last_lines, output
from smoke_job import main_job

ROOT = Path(__file__).resolve().parent.parent
# Generous: a registry may be slow and the machine be busy, but nothing may hang.
READY_SECONDS = 900
STOP_SECONDS = 30
# Of this machine's environment only what says how it reaches a registry, and which Python it has.
KEPT = re.compile(
    r"(?i)(PATH|LANG|LC_\w+|PIP_\w+|\w+_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|PYTHON|PYENV_\w+)"
)
# Takes more away, for the workers.
LATER_STAGE = "FROM without-training AS"
# As the image's worker does at its start: the app, its settings, and every task with the network's engine.
WORKER = """
from portal.celery import app
app.loader.import_default_modules()
ours = sorted(name for name in app.tasks if not name.startswith("celery."))
assert ours, "the worker knows no task"
print(len(ours), "tasks")
"""


def main() -> int:
    """Take the whole way. 0 where every step did what it should."""
    clock = Clock()
    home = Path(tempfile.mkdtemp(prefix="secondread smoke ü "))
    failure = ""
    try:
        take_the_way(home, clock)
    except SmokeError as error:
        failure = str(error)
    finally:
        with clock.phase("clean up"):
            shutil.rmtree(home, ignore_errors=True)
    clock.report()
    if failure:
        print(f"make smoke: failed: {failure}", file=sys.stderr, flush=True)
        return 1
    print("make smoke: a fresh clone runs, does its work and leaves nothing", flush=True)
    return 0


def take_the_way(home: Path, clock: Clock) -> None:
    """Every phase in its order. Raises SmokeError at the first that fails."""
    folder, port, mark = home / "clone", free_port(), uuid.uuid4().hex
    environment = strangers_environment(home, mark)
    with clock.phase("clone"):
        clone(folder)
    with contextlib.ExitStack() as stack:
        run = stack.enter_context(Running(folder, environment, port))
        with clock.phase("make run: environment"):
            run.wait_for("==> Database")
        with clock.phase("make run: database, demo cases"):
            run.wait_for("==> Web and workers")
        with clock.phase("make run: web and workers"):
            run.wait_for(f"SecondRead is ready at http://127.0.0.1:{port}")
        with clock.phase("upload to export"):
            main_job(folder, environment, f"http://127.0.0.1:{port}")
        with clock.phase("stop"):
            run.stop(mark, port)
    with clock.phase("container image's packages"):
        try_image(folder, environment)
    if made := output(["git", "status", "--porcelain"], folder, environment):
        raise SmokeError(f"`make run` left files that git does not ignore:\n{made}")


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self._spent: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what is in the block."""
        print(f"==> smoke: {name}", flush=True)
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent.append((name, time.monotonic() - began))

    def report(self) -> None:
        """Print them."""
        total = ("together", sum(seconds for _, seconds in self._spent))
        print("\nmake smoke, seconds by phase:")
        for name, seconds in [*self._spent, total]:
            print(f"  {seconds:7.1f}  {name}", flush=True)


# --- The clone -------------------------------------------------------------------


def strangers_environment(home: Path, mark: str) -> dict[str, str]:
    """An empty home, and how this machine reaches a registry; `mark` tells our processes from others."""
    (home / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    own = str(ROOT / ".venv")
    kept["PATH"] = os.pathsep.join(
        part for part in kept["PATH"].split(os.pathsep) if not part.startswith(own)
    )
    config = next((path for path in pip_configs() if path.is_file()), None)
    if config and "PIP_CONFIG_FILE" not in kept:
        kept["PIP_CONFIG_FILE"] = str(config)
    return kept | {"HOME": str(home / "home"), "SECONDREAD_SMOKE": mark}


def pip_configs() -> list[Path]:
    """Where a person may have named a mirror; HOME moves, and it must not be lost."""
    return [Path("~/.config/pip/pip.conf").expanduser(), Path("~/.pip/pip.conf").expanduser()]


def clone(folder: Path) -> None:
    """What is committed, and nothing else of this folder."""
    head = output(["git", "rev-parse", "HEAD"], ROOT).strip()
    output(["git", "clone", "--quiet", "--no-checkout", "--no-hardlinks", str(ROOT), str(folder)], ROOT)
    output(["git", "checkout", "--quiet", "--detach", head], folder)


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- make run ----------------------------------------------------------------------


class Running:
    """`make run` in the clone; whatever happens, it is ended with the block."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self._process = subprocess.Popen(
            ["make", "run", f"PORT={port}"],  # noqa: S607 - whichever make this machine has
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._deadline = time.monotonic() + READY_SECONDS
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *reason: object) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait_for(self, begin: str) -> None:
        """Read on, aloud, until a line begins so."""
        while (line := self._next_line()) is not None:
            print(f"    | {line}", flush=True)
            if line.startswith(begin):
                return
        raise SmokeError(f"`make run` ended before {begin!r}:\n{last_lines(chr(10).join(self._said))}")

    def stop(self, mark: str, port: int) -> None:
        """SIGTERM to `make`, as a service manager sends it; then nothing may be left."""
        sockets = unix_sockets(marked(mark))
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise SmokeError(f"`make run` did not end within {STOP_SECONDS} s of SIGTERM") from error
        while (line := self._next_line()) is not None:
            print(f"    | {line}", flush=True)
        if "SecondRead has stopped." not in self._said:
            raise SmokeError(f"`make run` did not end in order:\n{last_lines(chr(10).join(self._said))}")
        if left := list(marked(mark)):
            raise SmokeError(f"processes are left: {', '.join(map(name_of, left))}")
        if kept := [path for path in sockets if Path(path).exists()]:
            raise SmokeError(f"sockets are left: {', '.join(kept)}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise SmokeError(f"something still listens on port {port}")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _next_line(self) -> str | None:
        try:
            line = self._lines.get(timeout=max(self._deadline - time.monotonic(), 1))
        except queue.Empty:
            raise SmokeError(f"`make run` said nothing more within {READY_SECONDS} s of its start") from None
        if line is not None:
            self._said.append(line)
        return line


def marked(mark: str) -> Iterator[int]:
    """The ids of the running processes that have our mark in their environment (Linux)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                yield int(folder.name)


def name_of(number: int) -> str:
    """What a process is, for a person."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"{number} {words[:120]}"
    return str(number)


def unix_sockets(processes: Iterator[int]) -> set[str]:
    """The paths of the sockets that these processes hold (Linux)."""
    inodes = set()
    for number in processes:
        with contextlib.suppress(OSError):
            for handle in Path(f"/proc/{number}/fd").iterdir():
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(handle.readlink())))
    table = Path("/proc/net/unix")
    found = set()
    for line in table.read_text().splitlines()[1:] if table.exists() else ():
        *_, inode, path = line.split(maxsplit=7)
        if inode in inodes and path.startswith("/"):
            found.add(path)
    return found


# --- The container image's list ----------------------------------------------------


def try_image(folder: Path, environment: dict[str, str]) -> None:
    """What the portal's image has: requirements.txt less what its Dockerfile takes away up to there, and
    production settings.
    """
    python = str(folder / ".venv/bin/python")
    before = (folder / "Dockerfile").read_text().partition(LATER_STAGE)[0]
    taken_away = re.findall(r"pip uninstall --yes --quiet ([\w -]+)", before)
    output(
        [python, "-m", "pip", "uninstall", "--yes", "--quiet", *" ".join(taken_away).split()],
        folder,
        environment,
    )
    static = {"SECONDREAD_VAR": str(folder.parent / "build"), "STATIC_ROOT": str(folder.parent / "static")}
    base = {"DJANGO_SETTINGS_MODULE": "portal.settings.base"}
    output([python, "manage.py", "collectstatic", "--no-input"], folder, environment | static | base)
    production = (
        environment
        | static
        | {
            "DJANGO_SETTINGS_MODULE": "portal.settings.production",
            "SECRET_KEY": f"smoke-only-{uuid.uuid4().hex}{uuid.uuid4().hex}-aB3-xY9",
            "ALLOWED_HOSTS": "portal.example.org",
            "EMAIL_URL": "smtp+tls://mail.example.org:587",
            "DATABASE_URL": "postgres://user:password@database.example.org/secondread",
            "CELERY_BROKER_URL": "redis://queue.example.org:6379/0",
        }
    )
    for command in (
        ["manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        ["-m", "gunicorn", "--check-config", "portal.wsgi:application"],
        ["-c", WORKER],
    ):
        output([python, *command], folder, production)


if __name__ == "__main__":
    sys.exit(main())
