"""Where the pieces of an upload lie until it is taken in: encrypted, in a storage that serves nothing.

They are a patient's file as it was sent. The key is made of SECRET_KEY and the upload's id, so that it stands
on no disk beside them, and each piece is bound to its place.
"""

from __future__ import annotations

import base64
import io
import re
import secrets
from bisect import bisect_right
from collections import OrderedDict
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from cases.intake.seekable import SeekableFile
from cases.storage import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.core.files.storage import Storage

_KEY_BYTES, _NONCE_BYTES = 32, 12
_PURPOSE = b"secondread incoming upload"
_WORDS = b"words"
_ID = re.compile(r"[0-9a-f]{32}")
# Of pieces that are kept decrypted: an archive's list and the file that is read.
_KEPT = 2


class Unreadable(Exception):
    """A piece is gone or damaged, or SECRET_KEY is another one by now."""


def seal(upload: UUID, text: str) -> str:
    """Encrypt the text."""
    return base64.b64encode(_encrypted(upload, text.encode(), _WORDS)).decode("ascii")


def unseal(upload: UUID, sealed: str) -> str:
    """Decrypt what `seal` made. Raises Unreadable."""
    return _decrypted(upload, base64.b64decode(sealed), _WORDS).decode()


def keep_piece(upload: UUID, offset: int, data: bytes) -> str:
    """Store a piece, and return its name, another one each time: of two that are sent at once one is thrown
    away.
    """
    name = f"{offset:015d}-{secrets.token_hex(8)}"
    content = ContentFile(_encrypted(upload, data, name.encode()))
    _storage().save(_path(upload, name), content)
    return name


def discard_piece(upload: UUID, name: str) -> None:
    """Delete a piece."""
    _storage().delete(_path(upload, name))


def discard_pieces(upload: UUID) -> None:
    """Delete all pieces of an upload, also those that its row does not know of."""
    storage = _storage()
    for name in listed(storage, upload.hex)[1]:
        discard_piece(upload, name)
    storage.delete(upload.hex)  # the folder, where the storage has such a thing


def kept_uploads() -> set[UUID]:
    """The uploads of which pieces are stored."""
    return {UUID(hex=name) for name in listed(_storage(), "")[0] if _ID.fullmatch(name)}


class PieceFile(SeekableFile):
    """The pieces as one file, to be read from any place; few are in memory. Raises Unreadable."""

    def __init__(self, upload: UUID, pieces: Iterable[Sequence[Any]]) -> None:
        self._upload = upload
        self._names: list[str] = []
        self._starts: list[int] = []
        size = 0
        for name, length in pieces:
            self._names.append(name)
            self._starts.append(size)
            size += length
        super().__init__(size)
        self._open: OrderedDict[str, bytes] = OrderedDict()

    def read_at(self, place: int, most: int) -> memoryview:
        piece = bisect_right(self._starts, place) - 1
        begin = place - self._starts[piece]
        return memoryview(self._content(self._names[piece]))[begin : begin + most]

    def _content(self, name: str) -> bytes:
        if name not in self._open:
            self._open[name] = _piece(self._upload, name)
            if len(self._open) > _KEPT:
                self._open.popitem(last=False)
        self._open.move_to_end(name)
        return self._open[name]


def _piece(upload: UUID, name: str) -> bytes:
    try:
        with _storage().open(_path(upload, name), "rb") as stream:
            return _decrypted(upload, stream.read(), name.encode())
    except FileNotFoundError:
        raise Unreadable from None


def _storage() -> Storage:
    return storages["incoming"]


def _path(upload: UUID, name: str) -> str:
    return f"{upload.hex}/{name}"


def _cipher(upload: UUID) -> AESGCM:
    derivation = HKDF(SHA256(), _KEY_BYTES, salt=upload.bytes, info=_PURPOSE)
    return AESGCM(derivation.derive(settings.SECRET_KEY.encode()))


def _encrypted(upload: UUID, data: bytes, place: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + _cipher(upload).encrypt(nonce, data, place)


def _decrypted(upload: UUID, data: bytes, place: bytes) -> bytes:
    try:
        return _cipher(upload).decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], place)
    except InvalidTag:
        raise Unreadable from None


def whole_file(upload: UUID, pieces: Iterable[Sequence[Any]]) -> IO[bytes]:
    """The upload as a file to be read."""
    return io.BufferedReader(PieceFile(upload, pieces))
