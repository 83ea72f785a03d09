"""Data that this version cannot go on with, and what the system refuses, in sentences."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from portal.embedded.errors import EmbeddedError
from portal.settings.env import BASE_DIR, env

# What SQLite, Django and the system say of it, in the output of a step that failed.
FULL = ("No space left on device", "database or disk is full", "Disk quota exceeded")
UNREADABLE = ("disk image is malformed", "file is not a database")
OTHER_TABLES = ("InconsistentMigrationHistory", "already exists", "no such table", "no such column")


def check(var: Path) -> None:
    """Raise EmbeddedError where var/ holds a database that is damaged or of another version."""
    path = var / "secondread.sqlite3"
    if env.str("DATABASE_URL", default="") or not path.exists() or not path.stat().st_size:
        return
    try:
        applied = _applied(path)
    except sqlite3.DatabaseError as error:
        raise EmbeddedError(_keep_aside(var, f"is damaged ({error})")) from error
    known = _known()
    unknown = {(label, name) for label, name in applied if label in known and name not in known[label]}
    if unknown:
        names = ", ".join(f"{label} {name}" for label, name in sorted(unknown)[:3])
        raise EmbeddedError(_keep_aside(var, f"was made by another version of SecondRead ({names})"))


def explained(output: str, var: Path) -> str:
    """The sentence for a step that failed with `output`, or nothing."""
    if any(words in output for words in FULL):
        return _full(var)
    if any(words in output for words in UNREADABLE):
        return _keep_aside(var, "is damaged")
    if any(words in output for words in OTHER_TABLES) and not env.str("DATABASE_URL", default=""):
        return _keep_aside(var, "was made by another version of SecondRead, or only half made")
    return ""


def in_words(error: OSError) -> str:
    """What the system refused, and what to do."""
    where = error.filename or "its folder"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return _full(where)
    return (
        f"SecondRead cannot use {where}: {error.strerror or error}. "
        "It must belong to you and be writable; SECONDREAD_VAR names another folder for the data."
    )


def _applied(path: Path) -> set[tuple[str, str]]:
    """App and name of every migration that the database has seen. Raises sqlite3.DatabaseError."""
    # Not read-only: a database that was not closed has a journal that must be taken in first.
    with closing(sqlite3.connect(path, timeout=20)) as database:
        (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict).splitlines()[-1])
        tables = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'django_migrations'")
        if tables.fetchone() is None:
            return set()
        return set(database.execute("SELECT app, name FROM django_migrations"))


def _known() -> dict[str, set[str]]:
    """The migrations of each of our own apps, as they lie here."""
    folders = (folder for room in ("portal", "cases") for folder in (BASE_DIR / room).rglob("migrations"))
    return {folder.parent.name: {path.stem for path in folder.glob("[0-9]*.py")} for folder in folders}


def _keep_aside(var: Path, what: str) -> str:
    return (
        f"The data in {var} {what}. Keep it aside and start anew: `mv '{var}' '{var}.old'`, then "
        "`make run` again; or name another folder in SECONDREAD_VAR."
    )


def _full(where: str | os.PathLike[str]) -> str:
    return f"The disk of {where} is full. Make room and type `make run` again; it goes on where it was."
