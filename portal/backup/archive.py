"""What lies in a backup: its manifest, a file of lines a table, and the names of its files."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils.crypto import salted_hmac

from inference.files import write_whole
from portal.backup.errors import BackupError

FORM = 1
_MANIFEST, _TABLES, _FILES = "manifest.json", "tables", "files.txt.gz"
_SALT = "portal.backup"


@dataclass(frozen=True)
class Rows:
    """The lines of one table. sha256: of all of them, not compressed."""

    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. made_at: ISO 8601 in UTC. tables: by the tables' names. missing: files that rows
    name and that the storage had lost. networks: file names in MODEL_DIR, and their names in the pool. keys:
    a fingerprint of each secret that rows hang on and that no backup holds.
    """

    made_at: str
    database: str
    migrations: tuple[str, ...]
    tables: Mapping[str, Rows]
    files: int
    missing: tuple[str, ...]
    networks: Mapping[str, str]
    anchors: str
    keys: Mapping[str, str]
    form: int = FORM


@dataclass(frozen=True)
class Archive:
    """The folder of one backup."""

    folder: Path

    def write_table(self, name: str, lines: Iterable[bytes]) -> tuple[int, str]:
        """Write the lines of a table; returns how many, and their digest. Raises OSError."""
        path = self._table(name)
        path.parent.mkdir(exist_ok=True)
        count, digest = 0, hashlib.sha256()
        with gzip.open(path, "wb", compresslevel=6) as file:
            for line in lines:
                count += 1
                digest.update(line)
                file.write(line)
        return count, digest.hexdigest()

    def lines(self, name: str) -> Iterator[bytes]:
        """Yield the lines of a table. Raises BackupError where they cannot be read."""
        yield from _lines(self._table(name))

    def write_names(self, names: Iterable[str]) -> None:
        """Write down which files belong to this backup."""
        with gzip.open(self.folder / _FILES, "wt", encoding="ascii") as file:
            file.writelines(f"{name}\n" for name in names)

    def names(self) -> Iterator[str]:
        """Yield the names of this backup's files. Raises BackupError."""
        for line in _lines(self.folder / _FILES):
            yield line.decode("ascii").rstrip("\n")

    def write_manifest(self, manifest: Manifest) -> None:
        """Write what makes this folder a backup; the last thing of all."""
        said = json.dumps(asdict(manifest), indent=1, sort_keys=True)
        write_whole(self.folder / _MANIFEST, said.encode())

    def manifest(self) -> Manifest:
        """Read what this backup holds. Raises BackupError."""
        try:
            fields: dict[str, Any] = json.loads((self.folder / _MANIFEST).read_text("utf-8"))
            if fields["form"] != FORM:
                raise BackupError(
                    f"This backup was made by a newer version. Restore it with that one. "
                    f"Received form {fields['form']}."
                )
            tables = {
                name: Rows(tuple(each["columns"]), each["rows"], each["sha256"])
                for name, each in fields.pop("tables").items()
            }
            fields |= {name: tuple(fields[name]) for name in ("migrations", "missing")}
            return Manifest(tables=tables, **fields)
        except FileNotFoundError as error:
            raise BackupError(
                f"This is no folder of one backup. Name one that `manage.py backup` made. "
                f"Received {self.folder.name!r}."
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackupError(f"The backup's manifest cannot be read. Received {error}.") from error

    def _table(self, name: str) -> Path:
        return self.folder / _TABLES / f"{name}.ndjson.gz"


def whole_archives(backups: Path) -> list[Archive]:
    """Return the backups of a folder, the oldest first; a folder without a manifest is none."""
    return [Archive(path.parent) for path in sorted(backups.glob(f"[0-9]*Z/{_MANIFEST}"))]


def fingerprints() -> dict[str, str]:
    """Return, of each secret that rows hang on, what tells whether it is another one elsewhere."""
    secrets = {
        "SECRET_KEY": settings.SECRET_KEY,
        "PSEUDONYM_KEY": settings.PSEUDONYM_KEY or settings.SECRET_KEY,
        "ORIGINALS_KEYS": ",".join(settings.ORIGINALS_KEYS),
    }
    return {
        name: salted_hmac(_SALT, name, secret=secret, algorithm="sha256").hexdigest()[:16]
        for name, secret in secrets.items()
    }


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        raise BackupError(f"A file of the backup is damaged or missing. Received {path.name!r}.") from error
