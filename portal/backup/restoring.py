"""The way back: into an empty system, all of it or nothing, and compared row by row."""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import File
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet

from inference.files import Tell, first_of
from portal.backup.archive import Archive, Manifest, fingerprints
from portal.backup.errors import BackupError
from portal.backup.making import applied_migrations
from portal.backup.pool import Pool, digest_in
from portal.backup.rows import (
    MADE_BY_MIGRATE,
    Table,
    columns,
    lines_of,
    move_sequences_on,
    put_back,
    tables,
)


def check_backup(folder: Path, tell: Tell) -> Manifest:
    """Read all of a backup and hold it against its digests. Raises BackupError with what is wrong."""
    archive, pool = Archive(folder), Pool(folder.parent)
    manifest = archive.manifest()
    for name, rows in manifest.tables.items():
        digest, count = hashlib.sha256(), 0
        for line in archive.lines(name):
            digest.update(line)
            count += 1
        if (count, digest.hexdigest()) != (rows.rows, rows.sha256):
            raise BackupError(f"The rows of a table are not those that were written. Received {name}.")
    names = list(archive.names())
    damaged = [name for name in names if not pool.is_whole(name)]
    if damaged or len(names) != manifest.files:
        raise BackupError(
            f"{len(damaged)} of {manifest.files} files are damaged or missing: {first_of(damaged)}. "
            "Take another backup, or put these files back from a copy."
        )
    tell(f"The backup is whole: {len(manifest.tables)} tables, {manifest.files} files.")
    return manifest


def restore_backup(folder: Path, tell: Tell) -> Manifest:
    """Bring a backup into an empty system, and return what it holds.

    Raises BackupError where the backup is damaged or of another version, or the system is not empty: nothing
    was changed then, but for files that no row names.
    """
    manifest = check_backup(folder, tell)
    call_command("migrate", verbosity=0, interactive=False)
    _check_same_shape(manifest)
    _check_empty()
    archive, pool = Archive(folder), Pool(folder.parent)
    _bring_files(archive, pool, manifest)
    try:
        with transaction.atomic():
            _bring_rows(archive, manifest, tell)
            connection.check_constraints()
    except DatabaseError as error:
        raise BackupError(
            f"The database refused a row, and was left empty. Received {type(error).__name__}."
        ) from error
    ContentType.objects.clear_cache()
    _bring_beside(pool, manifest, tell)
    return manifest


def differing_keys(manifest: Manifest) -> list[str]:
    """Return the names of secrets that are others here than where the backup was made."""
    here = fingerprints()
    return [name for name, there in manifest.keys.items() if here.get(name) != there]


def _check_same_shape(manifest: Manifest) -> None:
    here = set(applied_migrations())
    other = sorted(here.symmetric_difference(manifest.migrations))
    shapes = {table._meta.db_table: tuple(columns(table)) for table in tables()}
    if other or shapes != {name: rows.columns for name, rows in manifest.tables.items()}:
        raise BackupError(
            "The backup was made by another version of the portal. "
            "Restore it with that version, then upgrade. "
            f"Received {first_of(other) or 'other columns'}."
        )


def _check_empty() -> None:
    full = [
        table._meta.db_table
        for table in tables()
        if table._meta.db_table not in MADE_BY_MIGRATE and QuerySet(table).exists()
    ]
    if full:
        raise BackupError(
            "A backup is restored into an empty system: name a new database and a new data folder. "
            f"Received rows in {first_of(full)}."
        )


def _bring_files(archive: Archive, pool: Pool, manifest: Manifest) -> None:
    """What networks and the record have in the pool is not the storage's."""
    beside = {*manifest.networks.values(), manifest.anchors}
    for name in archive.names():
        if name not in beside and not _is_stored(name):
            default_storage.delete(name)  # what is damaged: Django would save beside it, under another name
            with pool.open(name) as file:
                default_storage.save(name, File(file))


def _is_stored(name: str) -> bool:
    try:
        with default_storage.open(name, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == digest_in(name)
    except FileNotFoundError:
        return False


def _bring_rows(archive: Archive, manifest: Manifest, tell: Tell) -> None:
    by_name = {table._meta.db_table: table for table in tables()}
    for name in MADE_BY_MIGRATE:
        QuerySet(by_name[name]).delete()
    for name, table in by_name.items():
        count = put_back(table, archive.lines(name))
        if count:
            tell(f"{name}: {count} rows")
    move_sequences_on()
    for name, table in by_name.items():
        if _digest(table) != manifest.tables[name].sha256:
            raise BackupError(
                f"A table is not what it was, and the database was left empty. Received {name}."
            )


def _digest(table: Table) -> str:
    digest = hashlib.sha256()
    for line in lines_of(table):
        digest.update(line)
    return digest.hexdigest()


def _bring_beside(pool: Pool, manifest: Manifest, tell: Tell) -> None:
    models, anchors = Path(settings.MODEL_DIR), Path(settings.AUDIT_ANCHORS)
    wanted = {models / name: kept for name, kept in manifest.networks.items()}
    if manifest.anchors:
        wanted[anchors] = manifest.anchors
    for target, kept in wanted.items():
        if target.exists():
            tell(f"{target.name} is there already, and stays as it is.")
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with pool.open(kept) as file:
            target.write_bytes(file.read())
