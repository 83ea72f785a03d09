"""`.docker/backup` and `.docker/restore`, on a real PostgreSQL; the containers are this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest

from tests.support import postgres
from tests.support.shellblocks import ROOT

pytestmark = pytest.mark.slow

# What `docker compose` is told is written down; what it would run in a container runs here.
DOCKER = """#!/usr/bin/env bash
set -o pipefail
[ "$1" = compose ] || exit 64
shift
echo "$*" >> "$CALLS"
if [ "$1" = --profile ]; then shift 2; fi
case "$1" in
  exec | run)
    shift
    while [[ "$1" == -* ]]; do shift; done
    shift
    if [ "$1" = pg_isready ] && [ "$(grep -c pg_isready "$CALLS")" -lt "$ANSWERS_AT" ]; then exit 2; fi
    # Through pipes, as a container's: pg_dump and pg_restore cannot go back in them.
    cat | "${@//\\/var\\/lib\\/secondread/$DATA}" | cat || exit
    [[ "$*" != *"--dbname=secondread_restored --no-owner"* ]] || [ -z "${AFTERWARDS:-}" ] ||
      psql --quiet --username=secondread --dbname=secondread_restored --command="$AFTERWARDS"
    ;;
  version | up | stop) cat >> "$CALLS" ;;
  *) exit 64 ;;
esac
"""
SCHEMA = r"""
CREATE TABLE accounts_user (id int PRIMARY KEY, email text);
CREATE TABLE cases_case (id int PRIMARY KEY, code text, owner int REFERENCES accounts_user);
CREATE TABLE cases_nothing (id int);
INSERT INTO accounts_user VALUES (1, 'a@example.org'), (2, E'COPY x FROM stdin;\n\\.\n\ttab');
INSERT INTO cases_case SELECT n, E'\\.', 1 FROM generate_series(1, 5) AS n;
"""


@dataclass
class Installation:
    """A database, a folder of pictures, and what was asked of Docker."""

    url: str
    folder: Path

    def sql(self, command: str, database: str = "secondread") -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.url, dbname=database)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(command)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    @property
    def media(self) -> Path:
        return self.folder / "data" / "media"

    def run(self, name: str, folder: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a script; each run has a list of its own of what Docker was asked."""
        (self.folder / "calls").write_text("", encoding="utf-8")
        server = urlsplit(self.url)
        path = f"{self.folder / 'bin'}:{postgres.BINARIES}:{os.environ['PATH']}"
        ours = {
            "PATH": path,
            "PGHOST": str(server.hostname),
            "PGPORT": str(server.port),
            "CALLS": str(self.folder / "calls"),
            "DATA": str(self.folder / "data"),
            "ANSWERS_AT": "1",
            "HOME": str(self.folder),
        }
        # From elsewhere, as cron would: the scripts find their way themselves.
        command = [str(ROOT / ".docker" / name), str(self.folder / folder)]
        return subprocess.run(
            command,
            env=ours | environment,
            cwd="/",
            input="pasted behind it",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    @property
    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text(encoding="utf-8").splitlines()

    def index(self, part: str) -> int:
        """When Docker was first asked so."""
        return next(number for number, call in enumerate(self.calls) if part in call)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A server of our own: the scripts make, rename and drop databases on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TEST_DATABASE_URL", raising=False)
        with postgres.serving() as url:
            yield url


@pytest.fixture
def here(server: str, tmp_path: Path) -> Installation:
    """An installation with two accounts, five cases and a picture."""
    made = Installation(server, tmp_path)
    for name in ("secondread", "secondread_former", "secondread_restored"):
        made.sql(f"DROP DATABASE IF EXISTS {name}", "postgres")
    made.sql("CREATE DATABASE secondread", "postgres")
    made.sql(SCHEMA)
    made.media.mkdir(parents=True)
    (made.media / "picture").write_bytes(b"\x00picture")
    (tmp_path / "bin").mkdir()
    # Waiting is shortened; how often is asked, not for how long, is what counts.
    for name, text in {"docker": DOCKER, "sleep": "#!/bin/sh\n"}.items():
        (tmp_path / "bin" / name).write_text(text, encoding="utf-8")
        (tmp_path / "bin" / name).chmod(0o755)
    return made


@pytest.fixture
def backed_up(here: Installation) -> Installation:
    made = here.run("backup", "monday")
    assert made.returncode == 0, made.stderr
    return here


def lose_everything(here: Installation) -> None:
    here.sql("DROP TABLE cases_case, accounts_user, cases_nothing")
    here.sql("CREATE TABLE made_since (id int)")
    (here.media / "picture").unlink()


def assert_nothing_was_replaced(here: Installation) -> None:
    assert here.sql("SELECT count(*) FROM accounts_user") == [(2,)]
    databases = {name for (name,) in here.sql("SELECT datname FROM pg_database", "postgres")}
    assert "secondread_former" not in databases
    assert "up -d" not in here.calls


def test_backup_has_all_rows_and_pictures_and_is_for_its_owner_alone(backed_up: Installation) -> None:
    folder = backed_up.folder / "monday"
    rows = (folder / "rows.txt").read_text(encoding="utf-8").splitlines()
    assert rows == ["public.accounts_user 2", "public.cases_case 5", "public.cases_nothing 0"]
    assert {path.name for path in folder.iterdir()} == {"database.dump", "media.tar", "rows.txt"}
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}
    assert backed_up.index("pg_dump") < backed_up.index("tar -C")


def test_what_was_backed_up_is_back_after_everything_was_lost(backed_up: Installation) -> None:
    lose_everything(backed_up)
    restored = backed_up.run("restore", "monday")
    assert restored.returncode == 0, restored.stderr
    assert "every row is back: 7 in 3 tables" in restored.stdout
    assert backed_up.sql("SELECT count(*), min(code) FROM cases_case") == [(5, "\\.")]
    assert backed_up.sql("SELECT email FROM accounts_user WHERE id = 2") == [
        ("COPY x FROM stdin;\n\\.\n\ttab",)
    ]
    assert (backed_up.media / "picture").read_bytes() == b"\x00picture"
    assert backed_up.sql("SELECT count(*) FROM made_since", "secondread_former") == [(0,)]


def test_restore_waits_for_the_database_and_starts_the_portal_last(backed_up: Installation) -> None:
    restored = backed_up.run("restore", "monday", ANSWERS_AT="7")
    assert restored.returncode == 0, restored.stderr
    asked = [number for number, call in enumerate(backed_up.calls) if "pg_isready" in call]
    assert len(asked) == 7
    assert all("--host=127.0.0.1" in backed_up.calls[number] for number in asked)
    stopped = backed_up.index("stop proxy web analysis maintenance sending beat")
    assert backed_up.index("up -d postgres") < asked[0] < asked[-1] < backed_up.index("pg_restore") < stopped
    assert backed_up.calls[-1] == "up -d"


def test_second_restore_keeps_what_the_first_one_brought(backed_up: Installation) -> None:
    assert backed_up.run("restore", "monday").returncode == 0
    backed_up.sql("DELETE FROM cases_case WHERE id = 1")
    assert backed_up.run("restore", "monday").returncode == 0
    assert backed_up.sql("SELECT count(*) FROM cases_case") == [(5,)]
    assert backed_up.sql("SELECT count(*) FROM cases_case", "secondread_former") == [(4,)]


def test_restore_with_a_database_that_never_answers_fails_and_replaces_nothing(
    backed_up: Installation,
) -> None:
    restored = backed_up.run("restore", "monday", ANSWERS_AT="1000")
    assert restored.returncode == 1
    assert "PostgreSQL did not answer" in restored.stderr
    assert_nothing_was_replaced(backed_up)


@pytest.mark.parametrize("kept", [0, 200, -20])
def test_restore_of_a_dump_that_is_cut_off_fails_and_replaces_nothing(
    backed_up: Installation, kept: int
) -> None:
    dump = backed_up.folder / "monday" / "database.dump"
    dump.write_bytes(dump.read_bytes()[:kept])
    restored = backed_up.run("restore", "monday")
    assert restored.returncode == 1
    assert "restore: " in restored.stderr
    assert_nothing_was_replaced(backed_up)


@pytest.mark.parametrize("change", ["DELETE FROM cases_case WHERE id = 3", "DROP TABLE cases_nothing"])
def test_restore_in_which_something_is_missing_fails_and_replaces_nothing(
    backed_up: Installation, change: str
) -> None:
    restored = backed_up.run("restore", "monday", AFTERWARDS=change)
    assert restored.returncode == 1
    assert "has not the rows of the dump" in restored.stderr
    assert_nothing_was_replaced(backed_up)


def test_restore_without_the_pictures_does_nothing(backed_up: Installation) -> None:
    (backed_up.folder / "monday" / "media.tar").unlink()
    restored = backed_up.run("restore", "monday")
    assert restored.returncode == 1
    assert "media.tar is missing" in restored.stderr
    assert [call for call in backed_up.calls if call != "version"] == []


def test_backup_of_an_empty_portal_fails_and_leaves_none(here: Installation) -> None:
    here.sql("TRUNCATE accounts_user CASCADE")
    made = here.run("backup", "monday")
    assert made.returncode == 1
    assert "no accounts" in made.stderr
    assert not (here.folder / "monday").exists()


def test_backup_without_pictures_fails_and_leaves_none(here: Installation) -> None:
    (here.media / "picture").unlink()
    here.media.rmdir()
    assert here.run("backup", "monday").returncode != 0
    assert not (here.folder / "monday").exists()


def test_backup_over_another_one_does_nothing(backed_up: Installation) -> None:
    before = (backed_up.folder / "monday" / "database.dump").read_bytes()
    assert backed_up.run("backup", "monday").returncode == 1
    assert (backed_up.folder / "monday" / "database.dump").read_bytes() == before
    assert [call for call in backed_up.calls if call != "version"] == []
