"""Reading multipart/related (RFC 2387) from a stream: one buffer in memory, one file on disk without a name.

The standard library's parser wants the whole body in memory, and Django's knows forms alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.core.files.base import ContentFile

from cases.intake.receipts import Given, refusal_of_oversized

_PIECE = 2**16
_END_OF_HEAD = b"\r\n\r\n"
_MOST_HEAD = 8192
# What follows the closing boundary.
_LAST = b"--"


class Malformed(Exception):
    """The body is no multipart/related of this boundary."""


@dataclass(frozen=True)
class _Place:
    """Where a part stands in the file on disk; `is_kept` is False for one that is too large."""

    start: int
    size: int
    is_kept: bool


class RelatedParts:
    """The parts of one body, in their order; each is read from disk when it is asked for."""

    def __init__(self, body: IO[bytes], boundary: bytes) -> None:
        """Read all of the body. Raises Malformed, RequestDataTooBig or TooManyFilesSent."""
        self._kept = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - close()
        self._body = body
        self._separator = b"\r\n--" + boundary
        # The first boundary stands at the beginning, or behind a preamble (RFC 2046, 5.1.1).
        self._unread = b"\r\n"
        self._received = 0
        try:
            self._places = list(self._read_all())
        except BaseException:
            self.close()
            raise

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        """Let the file on disk go."""
        self._kept.close()

    def head_of(self, index: int, size: int) -> bytes:
        """The first bytes of a part."""
        place = self._places[index]
        self._kept.seek(place.start)
        return self._kept.read(min(size, place.size))

    def files(self) -> Iterator[Given]:
        """The parts as files, one in memory at a time; the receipt of one that is too large."""
        for place in self._places:
            if not place.is_kept:
                yield refusal_of_oversized()
                continue
            self._kept.seek(place.start)
            yield ContentFile(self._kept.read(place.size))

    def _read_all(self) -> Iterator[_Place]:
        for _ in self._up_to_separator():
            pass  # the preamble, which says nothing
        count = 0
        while not self._is_last():
            count += 1
            if count > settings.UPLOAD_MAX_FILES:
                raise TooManyFilesSent
            self._skip_head()
            yield self._read_part()

    def _read_part(self) -> _Place:
        start, size = self._kept.seek(0, 2), 0
        for piece in self._up_to_separator():
            size += len(piece)
            if size <= settings.UPLOAD_MAX_BYTES:
                self._kept.write(piece)
        is_kept = size <= settings.UPLOAD_MAX_BYTES
        if not is_kept:
            self._kept.truncate(start)
        return _Place(start, size if is_kept else 0, is_kept)

    def _up_to_separator(self) -> Iterator[bytes]:
        """What comes before the next boundary, piece by piece, and pass that."""
        while (at := self._unread.find(self._separator)) < 0:
            # The end of what was read may be the beginning of a boundary.
            safe = max(0, len(self._unread) - len(self._separator) + 1)
            yield self._unread[:safe]
            self._unread = self._unread[safe:]
            self._read_more()
        yield self._unread[:at]
        self._unread = self._unread[at + len(self._separator) :]

    def _is_last(self) -> bool:
        """Whether the boundary just passed is the closing one."""
        while len(self._unread) < len(_LAST):
            self._read_more()
        return self._unread.startswith(_LAST)

    def _skip_head(self) -> None:
        """Pass the head of a part: what a part is, its content says."""
        while (at := self._unread.find(_END_OF_HEAD)) < 0:
            if len(self._unread) > _MOST_HEAD:
                raise Malformed
            self._read_more()
        self._unread = self._unread[at + len(_END_OF_HEAD) :]

    def _read_more(self) -> None:
        piece = self._body.read(_PIECE)
        if not piece:
            raise Malformed
        self._received += len(piece)
        if self._received > settings.UPLOAD_MAX_REQUEST_BYTES:
            raise RequestDataTooBig
        self._unread += piece
