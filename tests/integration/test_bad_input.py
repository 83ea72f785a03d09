"""`make run` where it cannot work: a sentence that says what to do, and no traceback."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from portal.standalone import olddata
from tests.integration.test_standalone import NOT_INHERITED, start
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user reaches, unlike pytest's own."""
    folder = Path("/tmp") / f"secondread-test-{os.getpid()}-{time.monotonic_ns()}"
    folder.mkdir(mode=0o755)
    yield folder
    shutil.rmtree(folder)


def refused(var: Path) -> str:
    """What `make run` says, which ends it with a failure."""
    process = start(var, free_port())
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in said
    return said


def preflight(folder: Path, *before: str, programs: str = ".venv", **knobs: str) -> tuple[int, str]:
    """The status and the words of the first step, as the Makefile of the checkout in `folder` runs it."""
    here = folder / "portal" / "standalone"
    here.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "portal" / "standalone" / "preflight.py", here)
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    done = subprocess.run(
        [*before, sys.executable, "-I", str(here / "preflight.py"), programs],
        env=environment | {"PORT": str(free_port())} | knobs,
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_database_of_another_version_is_kept_and_named(tmp_path: Path) -> None:
    path = tmp_path / "secondread.sqlite3"
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("CREATE TABLE django_migrations (app TEXT, name TEXT)")
        old.execute(
            "INSERT INTO django_migrations VALUES ('cases', '0007_long_gone'), ('auth', '0001_initial')"
        )
    before = path.read_bytes()
    said = refused(tmp_path)
    assert f"The data in {tmp_path} was made by another version of SecondRead (cases 0007_long_gone)." in said
    assert f"mv '{tmp_path}' '{tmp_path}.old'" in said
    assert path.read_bytes() == before


def test_database_whose_tables_no_migration_made_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "secondread.sqlite3")) as half, half:
        half.execute("CREATE TABLE django_content_type (id INTEGER)")
    assert "was made by another version of SecondRead, or only half made." in refused(tmp_path)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(2000)])
def test_damaged_database_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "secondread.sqlite3").write_bytes(content)
    said = refused(tmp_path)
    assert f"The data in {tmp_path} is damaged" in said
    assert "SECONDREAD_VAR" in said


def test_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("")
    assert f"{tmp_path / 'var'} is a file" in refused(tmp_path / "var")


def test_full_disk_is_told_from_other_errors() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/log")
    assert olddata.in_words(full).startswith("The disk of /data/log is full. Make room")
    assert "disk of /data is full" in olddata.explained(
        "OperationalError: database or disk is full", Path("/data")
    )
    assert olddata.explained("SomethingElse: happened", Path("/data")) == ""
    other = olddata.in_words(PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/data/run/lock"))
    assert other.startswith("SecondRead cannot use /data/run/lock: Permission denied.")


def test_fit_machine_passes_the_first_step(tmp_path: Path) -> None:
    assert preflight(tmp_path) == (0, "")


def test_taken_port_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        status, said = preflight(tmp_path, PORT=str(port))
    assert status == 1
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in said
    assert "make run PORT=8100" in said
    assert not (tmp_path / ".venv").exists()


def test_data_that_a_portal_holds_is_told_with_its_address(tmp_path: Path) -> None:
    lock = tmp_path / "var" / "run" / "lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.write("http://127.0.0.1:8000")
        held.flush()
        status, said = preflight(tmp_path)
    assert status == 1
    assert "already running with this data, at http://127.0.0.1:8000." in said
    assert preflight(tmp_path) == (0, "")


def test_port_in_the_file_of_settings_is_the_one_that_is_asked(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=none\n")
    status, said = preflight(tmp_path)
    assert (status, said) == (0, "")  # what is in the environment wins
    status, said = preflight(tmp_path, "env", "--unset=PORT")
    assert (status, said) == (1, "\nPORT must be a number from 1 to 65535, not 'none'.\n")


def test_environment_whose_python_has_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".made").touch()
    status, said = preflight(tmp_path)
    assert status == 1
    assert "Type `make clean`" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_folder_of_another_user_is_named_with_its_owner(open_folder: Path) -> None:
    status, said = preflight(open_folder, *AS_NOBODY)
    assert status == 1
    assert f"SecondRead cannot write in {open_folder}" in said
    assert "It belongs to root." in said
    assert f"sudo chown -R nobody {open_folder}" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_folder_of_another_user_serves_who_keeps_programs_and_data_elsewhere(open_folder: Path) -> None:
    own = open_folder / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    _, said = preflight(open_folder, *AS_NOBODY)
    assert "`make run VENV=$HOME/secondread-programs SECONDREAD_VAR=$HOME/secondread-data`" in said
    var = f"{own}/my data"
    found = preflight(open_folder, *AS_NOBODY, programs=f"{own}/programs", SECONDREAD_VAR=var)
    assert found == (0, "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_folder_that_its_owner_made_ready_serves_who_keeps_data_elsewhere(open_folder: Path) -> None:
    own = open_folder / "own"
    own.mkdir()
    os.chown(own, NOBODY, NOBODY)
    python = open_folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch(mode=0o755)
    lock, installed = open_folder / "requirements.txt", open_folder / ".venv" / ".requirements"
    for path in (lock, installed, open_folder / ".venv" / ".made"):
        path.touch()
    os.utime(lock, (1, 1))
    assert preflight(open_folder, *AS_NOBODY, SECONDREAD_VAR=str(own)) == (0, "")
    os.utime(installed, (0, 0))
    status, said = preflight(open_folder, *AS_NOBODY, SECONDREAD_VAR=str(own))
    assert status == 1
    assert f"cannot write in {open_folder / '.venv'}, where it keeps its programs" in said


def test_folder_for_programs_that_make_would_take_for_two_is_refused(tmp_path: Path) -> None:
    status, said = preflight(tmp_path, programs="my programs")
    assert (status, said) == (1, "\nVENV must be a folder without spaces in its name, not 'my programs'.\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a folder away")
def test_root_in_the_folder_of_another_is_warned_and_goes_on(open_folder: Path) -> None:
    os.chown(open_folder, NOBODY, NOBODY)
    status, said = preflight(open_folder)
    assert status == 0
    assert "this folder belongs to nobody" in said


def test_missing_python_is_told_with_the_way_to_it() -> None:
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "python", "-c", "print()"],
        env={**os.environ, "PYTHON": "python3.11-that-is-not-there"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install python3.11 python3.11-venv" in done.stderr


def test_registry_that_is_away_is_told_within_ten_seconds(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"secondread-that-is-not-there==1 --hash=sha256:{'0' * 64}\n")
    away = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/simple"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, ROOT / ".ci" / "install.py", lock],
        env=environment | away | {"PIP_RETRIES": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline(), process.stdout.readline()]
    assert time.monotonic() - began < 10
    assert said[0].startswith("==> Installing requirements.txt, 1 packages")
    assert "The package registry does not answer" in said[1]
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "The package registry cannot be reached." in rest
    assert "pip config set global.index-url" in rest
