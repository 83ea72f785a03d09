"""Files under content-addressed, opaque names: the same bytes, the same name, stored once.

A file is there whole or not at all. What a disk lost or damaged since is told from its name, and stored anew
when the same bytes come again.
"""

from __future__ import annotations

import errno
import hashlib
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, cast

from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, default_storage


class WholeFileSystemStorage(FileSystemStorage):
    """Writes beside the name and renames, as an object store's PUT does of itself.

    Two uploads of the same bytes at once replace each other's file by an equal one,
    and a crash leaves a .part that nobody reads. What does not fit on the disk leaves nothing on it.
    """

    def _save(self, name: str, content: File[bytes]) -> str:
        part = f"{name}.{uuid.uuid4().hex}.part"
        try:
            super()._save(part, content)  # type: ignore[misc]  # no stub
            Path(self.path(part)).replace(self.path(name))
        except OSError:
            Path(self.path(part)).unlink(missing_ok=True)
            raise
        return name


def is_full(error: BaseException) -> bool:
    """Whether the disk, or the share of it that we may have, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def content_name(prefix: str, data: bytes, suffix: str) -> str:
    """Such as images/3f/a9/3fa9….png; it tells nothing of who or what is in the file."""
    digest = hashlib.sha256(data).hexdigest()
    return f"{prefix}/{digest[:2]}/{digest[2:4]}/{digest}{suffix}"


def store(prefix: str, data: bytes, suffix: str) -> str:
    """Store `data`, unless it is there already, and return its name."""
    name = content_name(prefix, data, suffix)
    if not is_whole(name):
        discard(name)  # what is damaged: Django would save beside it, under another name
        default_storage.save(name, ContentFile(data))
    return name


def is_whole(name: str) -> bool:
    """Whether what stands under `name` is what was stored there."""
    try:
        return hashlib.sha256(load(name)).hexdigest() == PurePosixPath(name).stem
    except FileNotFoundError:
        return False


def is_there(name: str) -> bool:
    """Whether anything stands under `name`; its bytes are not looked at."""
    return default_storage.exists(name)


def load(name: str) -> bytes:
    """Return the bytes stored under `name`; FileNotFoundError where there are none."""
    with default_storage.open(name, "rb") as stream:
        data: bytes = stream.read()
    return data


def discard(name: str) -> None:
    """Delete what is stored under `name`, if it is there."""
    default_storage.delete(name)


def erase(name: str) -> None:
    """Delete what is stored under `name`, and what a crash left half written of it."""
    discard(name)
    folder, _, own = name.rpartition("/")
    for part in listed(default_storage, folder)[1]:
        if part.startswith(f"{own}.") and part.endswith(".part"):
            discard(f"{folder}/{part}")


def store_file(prefix: str, stream: IO[bytes], suffix: str) -> str:
    """Store what `stream` holds from its beginning, as `store` does, without holding it in memory."""
    stream.seek(0)
    digest = _digest_of(stream)
    name = f"{prefix}/{digest[:2]}/{digest[2:4]}/{digest}{suffix}"
    if not default_storage.exists(name):
        stream.seek(0)
        default_storage.save(name, File(stream))
    return name


def _digest_of(stream: IO[bytes]) -> str:
    content = hashlib.sha256()
    while piece := stream.read(2**20):
        content.update(piece)
    return content.hexdigest()


def names_in(prefix: str, share: int) -> Iterator[str]:
    """What is stored under names whose digest begins with `share` (0 to 255), half written files too."""
    folder = f"{prefix}/{share:02x}"
    for inner in listed(default_storage, folder)[0]:
        for own in listed(default_storage, f"{folder}/{inner}")[1]:
            yield f"{folder}/{inner}/{own}"


def listed(storage: Storage, folder: str) -> tuple[list[str], list[str]]:
    """The folders and the files of a folder; none where it is not there."""
    try:
        return storage.listdir(folder)
    except FileNotFoundError:
        return [], []


def stored_at(name: str) -> datetime:
    """When it was stored. Raises FileNotFoundError."""
    return default_storage.get_modified_time(name)


def open_stored(name: str) -> IO[bytes]:
    """What is stored under `name`, to be read and closed; FileNotFoundError where there is nothing."""
    return cast("IO[bytes]", default_storage.open(name, "rb"))
