"""Making a backup while the portal goes on: the rows, as of one moment, and then the files that they name."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from inference.files import Tell
from portal.backup.archive import Archive, Manifest, Rows, fingerprints, whole_archives
from portal.backup.errors import BackupError
from portal.backup.pool import Pool, names_in
from portal.backup.rows import columns, lines_of, tables

_PARTIAL = ".partial"
_TELL_EVERY = 1000


def make_backup(backups: Path, tell: Tell) -> Path:
    """Write one more backup into the folder, and return its own. It is there once all of it is whole.

    Raises BackupError where another is being made there, or a stored file is not what it was; OSError where
    there is no room.
    """
    with _alone_in(backups):
        now = _now()
        target = backups / now.strftime("%Y-%m-%dT%H-%M-%SZ")
        if target.exists():
            raise BackupError("A backup of this very second is there. Try again.")
        partial = target.with_name(f"{target.name}{_PARTIAL}")
        partial.mkdir()
        archive, pool = Archive(partial), Pool(backups)
        found, names, migrations = _write_rows(archive, tell)
        missing = _write_files(pool, sorted(names), tell)
        networks, anchors = _keep_beside(pool)
        kept = [*sorted(names - set(missing)), *networks.values(), *([anchors] if anchors else [])]
        archive.write_names(kept)
        archive.write_manifest(
            Manifest(
                made_at=now.isoformat(timespec="seconds"),
                database=connection.vendor,
                migrations=migrations,
                tables=found,
                files=len(kept),
                missing=tuple(missing),
                networks=networks,
                anchors=anchors,
                keys=fingerprints(),
            )
        )
        partial.rename(target)
        return target


def forget_old(backups: Path, keep: int) -> tuple[int, int]:
    """Delete all but the newest `keep` backups, and what only they had; returns how many of both."""
    with _alone_in(backups):
        archives = whole_archives(backups)
        old, kept = archives[:-keep], archives[-keep:]
        for archive in old:
            shutil.rmtree(archive.folder)
        named = {name for archive in kept for name in archive.names()}
        return len(old), Pool(backups).forget_all_but(named)


def applied_migrations() -> tuple[str, ...]:
    """Return what the database's shape is: the names of all migrations that it has seen, sorted."""
    return tuple(sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations()))


def _now() -> datetime:
    return datetime.now(UTC)


def _write_rows(archive: Archive, tell: Tell) -> tuple[dict[str, Rows], set[str], tuple[str, ...]]:
    names: set[str] = set()
    found = {}
    with _one_moment():
        migrations = applied_migrations()
        for table in tables():
            name = table._meta.db_table
            count, digest = archive.write_table(name, names_in(lines_of(table), names))
            found[name] = Rows(tuple(columns(table)), count, digest)
            if count:
                tell(f"{name}: {count} rows")
    return found, names, migrations


def _write_files(pool: Pool, names: list[str], tell: Tell) -> list[str]:
    """Copy what the pool does not have yet; returns what the storage has lost."""
    missing, new = [], [name for name in names if not pool.holds(name)]
    for number, name in enumerate(new, start=1):
        try:
            with default_storage.open(name, "rb") as source:
                pool.keep(name, source)
        except FileNotFoundError:
            missing.append(name)
        if number % _TELL_EVERY == 0 or number == len(new):
            tell(f"files: {number} of {len(new)} new ones")
    return missing


def _keep_beside(pool: Pool) -> tuple[dict[str, str], str]:
    """The files of the operator's own networks, and the anchors of the record, where there are any."""
    models, anchors = Path(settings.MODEL_DIR), Path(settings.AUDIT_ANCHORS)
    found = sorted(path for path in models.iterdir() if path.is_file()) if models.is_dir() else []
    networks = {path.name: _keep(pool, "networks", path) for path in found}
    return networks, _keep(pool, "anchors", anchors) if anchors.is_file() else ""


def _keep(pool: Pool, prefix: str, path: Path) -> str:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        name = f"{prefix}/{digest[:2]}/{digest[2:4]}/{digest}{path.suffix}"
        if not pool.holds(name):
            file.seek(0)
            pool.keep(name, file)
    return name


@contextlib.contextmanager
def _one_moment() -> Iterator[None]:
    """All that is read within is of one moment, and nobody who writes waits for it."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:
        # Not Django's own transaction, which is an immediate one and would keep writers waiting.
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute("ROLLBACK")


@contextlib.contextmanager
def _alone_in(backups: Path) -> Iterator[None]:
    """Nobody else works in this folder; what an earlier attempt left half done is gone."""
    before = os.umask(0o077)  # patients' pictures: for nobody else on this machine
    try:
        backups.mkdir(parents=True, exist_ok=True)
        with (backups / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BackupError(
                    "Another backup is being made in this folder. Wait until it has ended."
                ) from error
            for left in backups.glob(f"[0-9]*Z{_PARTIAL}"):
                shutil.rmtree(left)
            yield
    finally:
        os.umask(before)
