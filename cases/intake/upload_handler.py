"""Stops keeping files past the limits, while they still arrive, and keeps none of a visitor's.

What is not kept is read and thrown away, so that the files beside it in the same form go on. What became of
each part is noted on the request, in the order of the form: Django sorts fields from files, and leaves out
without a word a file whose name is none.
"""

from __future__ import annotations

import io
import os
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http.multipartparser import MultiPartParser

from cases.intake import packed
from cases.intake.form_parts import Fate, Part, WatchedForm
from cases.intake.seekable import SeekableFile

if TYPE_CHECKING:
    from django.http import QueryDict
    from django.utils.datastructures import MultiValueDict

# The name of a file that was sent under “/” or “..”; nothing is stored under it.
UNNAMED = "unnamed"


class SizeLimitUploadHandler(FileUploadHandler):
    """Skips a file that is over UPLOAD_MAX_BYTES, or over UPLOAD_MAX_REQUEST_BYTES with those before it. An
    archive of many files may be as large as these are together.

    The CSRF check reads a form before any view asks who sent it; so this asks first.
    """

    is_parsing = False
    received_in_all = 0

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],  # noqa: N803 - Django's name
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> tuple[QueryDict, MultiValueDict[str, UploadedFile[bytes]]] | None:
        """Have the parts noted on their way to Django's parser; asked again by that one, leave it to it."""
        if self.is_parsing or self.request is None:
            return None
        self.is_parsing = True
        # The parser does nothing but read, where the stubs ask for lines as well.
        form: Any = WatchedForm(input_data, boundary)
        self.parts: list[Part] = form.parts
        self.next_file = 0
        # Set on Django's own request, and read by parts_of.
        setattr(self.request, "form_parts", form.parts)  # noqa: B010 - the class declares no such attribute
        handlers = self.request.upload_handlers
        try:
            return NamingParser(META, form, handlers, encoding).parse()
        except BaseException:  # the client has gone, or the disk is full
            for handler in handlers:
                handler.upload_interrupted()
            raise

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.received, self.is_archive = 0, False
        places = range(self.next_file, len(self.parts))
        self.current = next(
            (place for place in places if self.parts[place].fate is Fate.FILE), len(self.parts)
        )
        if self.current == len(self.parts):  # a form so malformed that it was told otherwise
            self.parts.append(Part("", Fate.FILE))
        self.next_file = self.current + 1
        # Until it is complete: a form may end in the middle of a file.
        self._note(fate=Fate.CUT_OFF, field=self.field_name or "", file_name=self.file_name or "")
        if self.request is None or not self.request.user.is_authenticated:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        if start == 0:
            self.is_archive = packed.is_packed(raw_data[: packed.HEAD_BYTES])
        self.received += len(raw_data)
        self.received_in_all += len(raw_data)
        if (
            self.received > settings.UPLOAD_MAX_BYTES and not self.is_archive
        ) or self.received_in_all > settings.UPLOAD_MAX_REQUEST_BYTES:
            self._note(fate=Fate.OVERSIZED)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The handlers after this one make the file."""
        self._note(fate=Fate.KEPT)

    def _note(self, **changes: Any) -> None:
        self.parts[self.current] = replace(self.parts[self.current], **changes)


class NamelessFileUploadHandler(FileUploadHandler):
    """Keeps what arrives in a file on disk that has no name there: it is gone with the process that holds it,
    also where that one is killed.

    All files of a form share one: a series has more files than a process may hold open.
    """

    _spool: _Spool | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        if self._spool is None:
            self._spool = _Spool()
        self._start = self._spool.end()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        assert self._spool is not None  # noqa: S101 - a file has begun
        self._spool.file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile[bytes]:
        assert self._spool is not None  # noqa: S101 - a file has begun
        self._spool.file.flush()
        return UploadedFile(
            io.BufferedReader(_Part(self._spool, self._start, file_size)),
            self.file_name,
            self.content_type,
            file_size,
            self.charset,
            self.content_type_extra,
        )

    def upload_complete(self) -> None:
        self._let_go()

    def upload_interrupted(self) -> None:
        self._let_go()

    def _let_go(self) -> None:
        spool, self._spool = self._spool, None
        if spool is not None:
            spool.let_go()


class _Spool:
    """The file on disk; closed once the handler and every part have let go of it."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - let_go()
        self._holders = 1

    def end(self) -> int:
        """Where the next file begins."""
        return self.file.seek(0, os.SEEK_END)

    def hold(self) -> None:
        self._holders += 1

    def let_go(self) -> None:
        self._holders -= 1
        if self._holders == 0:
            self.file.close()


class _Part(SeekableFile):
    """One of the files in a spool, to be read from any place."""

    def __init__(self, spool: _Spool, start: int, size: int) -> None:
        super().__init__(size)
        self._spool, self._start = spool, start
        spool.hold()

    def read_at(self, place: int, most: int) -> bytes:
        return os.pread(self._spool.file.fileno(), most, self._start + place)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._spool.let_go()


class NamingParser(MultiPartParser):
    """Django's parser of forms, which keeps a file whose name is none."""

    def sanitize_file_name(self, file_name: str) -> str:
        return super().sanitize_file_name(file_name) or UNNAMED
