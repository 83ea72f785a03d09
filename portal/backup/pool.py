"""The files that the backups of one folder share, each under the digest of what is in it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import IO

from portal.backup.errors import BackupError

FOLDER = "files"
# As cases.storage names what it keeps, quoted as in a row's line.
_NAMED = re.compile(rb'"([a-z]+/[0-9a-f]{2}/[0-9a-f]{2}/[0-9a-f]{64}\.[a-z0-9.]+)"')
_CHUNK = 2**20


class Pool:
    """The folder `files` of a folder of backups."""

    def __init__(self, backups: Path) -> None:
        self._folder = backups / FOLDER

    def holds(self, name: str) -> bool:
        """Whether a backup has kept this file. It was written whole."""
        return (self._folder / name).is_file()

    def open(self, name: str) -> BufferedReader:
        """Return the file, to be read. Raises OSError."""
        return (self._folder / name).open("rb")

    def keep(self, name: str, source: IO[bytes]) -> int:
        """Copy what `source` holds, and return its bytes. Raises BackupError where that is not what the name
        says, and OSError where it does not fit; nothing is left of it then.
        """
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f"{target.name}.partial")
        try:
            with partial.open("wb") as file:
                digest, size = hashlib.sha256(), 0
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    size += file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            if digest.hexdigest() != digest_in(name):
                raise BackupError(
                    f"A stored file is not what was stored there. Received {name}. "
                    "Upload the picture again, or take the file from an older backup."
                )
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return size

    def is_whole(self, name: str) -> bool:
        """Whether the file is there and what its name says."""
        try:
            with self.open(name) as file:
                return hashlib.file_digest(file, "sha256").hexdigest() == digest_in(name)
        except FileNotFoundError:
            return False

    def forget_all_but(self, named: set[str]) -> int:
        """Delete what no backup names, and return how many files that were."""
        gone = [path for path in self._folder.rglob("*") if path.is_file() and self._name(path) not in named]
        for path in gone:
            path.unlink()
        return len(gone)

    def _name(self, path: Path) -> str:
        return path.relative_to(self._folder).as_posix()


def digest_in(name: str) -> str:
    """The digest that a stored file's name begins with."""
    return PurePosixPath(name).name.partition(".")[0]


def names_in(lines: Iterable[bytes], names: set[str]) -> Iterator[bytes]:
    """Hand the lines on, and add to `names` the stored files that they name."""
    for line in lines:
        names.update(found.decode() for found in _NAMED.findall(line))
        yield line
