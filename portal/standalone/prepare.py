"""What has to be in place before the processes start; every step does nothing the second time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.settings.env import BASE_DIR
from portal.standalone import olddata, preflight
from portal.standalone.errors import StandaloneError
from portal.standalone.options import Options

LAST_LINES = 15
FOR_OTHERS = 0o077


@contextmanager
def only_one(options: Options) -> Iterator[None]:
    """Hold the data folder for this process. Raises StandaloneError where another holds it."""
    lock = options.var / "run" / "lock"
    lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock.open("a+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StandaloneError(preflight.already_running(lock)) from None
        held.truncate(0)
        held.write(options.url)
        held.flush()
        yield


def close_to_others(var: Path) -> None:
    """Take from everybody else what an earlier version, a tool or the person left open in the data folder."""
    for folder, folders, files in os.walk(var):
        for path in (Path(folder), *(Path(folder, name) for name in (*folders, *files))):
            mode = path.lstat().st_mode
            if not stat.S_ISLNK(mode) and mode & FOR_OTHERS:
                path.chmod(stat.S_IMODE(mode) & ~FOR_OTHERS)


def prepare(options: Options, environment: dict[str, str]) -> None:
    """Bring database, static files and demo cases up to date, with a line for each step."""
    _empty(options.scratch)
    _step("Database", ["migrate", "--no-input"], options, environment)
    _static_files(options, environment)
    _step("Demo accounts and cases", ["seed_demo"], options, environment)


def _empty(folder: Path) -> None:
    """What a portal that was killed left half-way is nobody's any more."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _static_files(options: Options, environment: dict[str, str]) -> None:
    """Collect and compress the static files, which takes seconds, only when one has changed."""
    mark = options.var / "static" / ".collected"
    fingerprint = _fingerprint()
    if mark.is_file() and mark.read_text() == fingerprint:
        return
    _step("Static files", ["collectstatic", "--no-input", "--clear"], options, environment)
    mark.write_text(fingerprint)


def _fingerprint() -> str:
    """Digest of the names, sizes and times of what is collected; the lock stands for the packages' files."""
    files = [BASE_DIR / "requirements.txt"]
    files += sorted(path for path in (BASE_DIR / "static").rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        state = path.stat()
        digest.update(f"{path}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _step(title: str, command: list[str], options: Options, environment: dict[str, str]) -> None:
    print(f"==> {title}", end="", flush=True)
    log = options.logs / "setup.log"
    began = time.monotonic()
    with log.open("ab") as output:
        start = output.tell()
        step = subprocess.Popen(
            [sys.executable, str(BASE_DIR / "manage.py"), *command],
            env=environment,
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _wait(step)
    print(f" ({time.monotonic() - began:.1f} s)", flush=True)
    if step.returncode:
        said = _said(log, start)
        last = "\n".join(said.splitlines()[-LAST_LINES:])
        if reason := olddata.explained(said, options.var):
            raise StandaloneError(f"{reason}\nThe details are in {log}.")
        raise StandaloneError(f"`manage.py {command[0]}` failed; {log} ends with:\n{last}")


def _wait(step: subprocess.Popen[bytes]) -> None:
    """Wait with a sign of life; a stop that comes meanwhile takes the step along."""
    try:
        while True:
            try:
                step.wait(1)
            except subprocess.TimeoutExpired:
                print(".", end="", flush=True)
            else:
                return
    finally:
        if step.poll() is None:
            step.kill()
            step.wait()


def _said(log: Path, start: int) -> str:
    with log.open("rb") as written:
        written.seek(start, os.SEEK_SET)
        return written.read().decode("utf-8", "replace")
