"""Zips and tars, read one file at a time; nothing that they say of themselves is believed."""

from __future__ import annotations

import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import PurePosixPath
from typing import IO, Any

from inference.formats import dicom

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_TAR, _TAR_AT = b"ustar", 257
# As many bytes of a file tell whether it is an archive.
HEAD_BYTES = tarfile.BLOCKSIZE
_PIECE = 2**20
_ENCRYPTED = 0x1
_LINK, _KIND = 0o120000, 0o170000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Of the list at the end of a zip, which zipfile reads as a whole: some hundred thousand entries.
_MOST_LISTED = 16 * 2**20
_END_BYTES, _END, _END_64 = 22, b"PK\x05\x06", b"PK\x06\x07"
_MOST_COMMENT = 2**16
_LOCATOR_BYTES, _LISTED_AT, _LISTED_64_AT = 20, 12, 40
# Of a name in a tar that is longer than its head has room for, and of the heads themselves.
_MOST_NAME, _MOST_HEADS = 4096, 100_000
# What a tar has beside files and folders, and is passed over: the second names and times of POSIX.
_PASSED = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE)
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)

# What reading a member of either kind may raise.
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
    OverflowError,
    ValueError,
    struct.error,
)


class Fault(Enum):
    """Why a member is not read at all."""

    ENCRYPTED = auto()
    LEADS_OUT = auto()
    RARE = auto()


@dataclass(frozen=True)
class Member:
    """One entry of an archive; `place` is for the archive alone."""

    name: str
    is_folder: bool
    fault: Fault | None
    place: Any


def is_packed(head: bytes) -> bool:
    """Whether a file that begins so is a zip or a tar, and no DICOM with the head of one as its preamble."""
    if dicom.has_preamble(head):
        return False
    return is_zip(head) or head[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip."""
    return head[:4] in _ZIP


class Zip:
    """A zip; close it."""

    def __init__(self, stream: IO[bytes]) -> None:
        if _listed_bytes(stream) > _MOST_LISTED:
            raise zipfile.BadZipFile
        self._archive = zipfile.ZipFile(stream)

    def members(self) -> list[Member]:
        """What is in it."""
        return [
            Member(entry.filename, entry.is_dir(), _fault_of(entry), entry)
            for entry in self._archive.infolist()
        ]

    def read(self, member: Member, most: int) -> bytes:
        """The content, or one byte more than `most` of it, whatever size the archive tells."""
        content = bytearray()
        with self._archive.open(member.place) as stream:
            while len(content) <= most and (piece := stream.read(min(_PIECE, most + 1 - len(content)))):
                content += piece
        return bytes(content)

    def close(self) -> None:
        """Let go of the list; the stream stays open."""
        self._archive.close()


class Tar:
    """A tar that is not compressed: how a browser hands on many files at once. `tarfile` is asked for its
    heads alone: it would read whatever length an extended head says into memory.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def members(self) -> list[Member]:
        """What is in it."""
        return list(_tar_members(self._stream))

    def read(self, member: Member, most: int) -> bytes:
        """The content, or one byte more than `most` of it."""
        start, size = member.place
        self._stream.seek(start)
        content = self._stream.read(min(size, most + 1))
        if len(content) < min(size, most + 1):
            raise tarfile.ReadError
        return content

    def close(self) -> None:
        """Nothing is held."""


def opened(stream: IO[bytes]) -> Zip | Tar:
    """The archive. Raises one of DAMAGED."""
    stream.seek(0)
    return Zip(stream) if is_zip(stream.read(HEAD_BYTES)) else Tar(stream)


def _listed_bytes(stream: IO[bytes]) -> int:
    """How long the list at the end of a zip says that it is."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _END_BYTES - _MOST_COMMENT - _LOCATOR_BYTES))
    tail = stream.read()
    end = tail.rfind(_END)
    if end < 0 or end + _END_BYTES > len(tail):
        raise zipfile.BadZipFile
    locator = tail[max(0, end - _LOCATOR_BYTES) : end]
    if not locator.startswith(_END_64):
        return int(struct.unpack_from("<L", tail, end + _LISTED_AT)[0])
    stream.seek(struct.unpack_from("<Q", locator, 8)[0])
    record = stream.read(_LISTED_64_AT + 8)
    if len(record) < _LISTED_64_AT + 8:
        raise zipfile.BadZipFile
    return int(struct.unpack_from("<Q", record, _LISTED_64_AT)[0])


def _fault_of(entry: zipfile.ZipInfo) -> Fault | None:
    if entry.flag_bits & _ENCRYPTED:
        return Fault.ENCRYPTED
    if (entry.external_attr >> 16) & _KIND == _LINK or _leads_out(entry.filename):
        return Fault.LEADS_OUT
    return None if entry.compress_type in _METHODS else Fault.RARE


def _leads_out(name: str) -> bool:
    path = PurePosixPath(name.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or ":" in name[:3]


def _tar_members(stream: IO[bytes]) -> Iterator[Member]:
    long_name, at = "", 0
    for _head in range(_MOST_HEADS):
        stream.seek(at)
        block = stream.read(tarfile.BLOCKSIZE)
        if block.count(0) == tarfile.BLOCKSIZE or not block:
            return
        head = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        start = at + tarfile.BLOCKSIZE
        if head.size < 0:
            raise tarfile.ReadError
        blocks = -(-head.size // tarfile.BLOCKSIZE)
        at = start + blocks * tarfile.BLOCKSIZE
        if head.type == tarfile.GNUTYPE_LONGNAME and head.size <= _MOST_NAME:
            long_name = stream.read(head.size).rstrip(b"\0").decode("utf-8", "replace")
        elif head.type not in _PASSED:
            name = long_name or head.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
            is_folder = head.type == tarfile.DIRTYPE
            is_plain = head.type in _FILES and not _leads_out(name)
            yield Member(
                name, is_folder, None if is_plain or is_folder else Fault.LEADS_OUT, (start, head.size)
            )
            long_name = ""
    raise tarfile.ReadError
