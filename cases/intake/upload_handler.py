"""Stops keeping files past the limits, while they still arrive, and keeps none of a visitor's.

What is not kept is read and thrown away, so that the files beside it in the same form go on. What became of
each part is noted on the request, in the order of the form: Django sorts fields from files, and leaves out
without a word a file whose name is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.utils.datastructures import MultiValueDict

# The name of a file that was sent under “/” or “..”; nothing is stored under it.
UNNAMED = "unnamed"


class Fate(Enum):
    """What became of a part of a form."""

    KEPT = auto()
    OVERSIZED = auto()
    # Without a file name, as which it is a field of the form and no file.
    TEXT = auto()


@dataclass(frozen=True)
class Part:
    """One part of a form: the field it belongs to, and its file name."""

    field: str
    fate: Fate
    file_name: str = ""


class SizeLimitUploadHandler(FileUploadHandler):
    """Skips a file that is over UPLOAD_MAX_BYTES, or over UPLOAD_MAX_REQUEST_BYTES with those before it.

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
        """Read the form with the parser that notes its parts; asked again by that one, leave it to it."""
        if self.is_parsing or self.request is None:
            return None
        self.is_parsing = True
        parser = NotingParser(META, input_data, self.request.upload_handlers, encoding)
        parser.parts = parts_of(self.request)
        post, files = parser.parse()
        return post, files

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.received = 0
        parts_of(self.request).append(Part(self.field_name or "", Fate.KEPT, self.file_name or ""))
        if self.request is None or not self.request.user.is_authenticated:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        self.received_in_all += len(raw_data)
        if (
            self.received > settings.UPLOAD_MAX_BYTES
            or self.received_in_all > settings.UPLOAD_MAX_REQUEST_BYTES
        ):
            parts = parts_of(self.request)
            parts[-1] = replace(parts[-1], fate=Fate.OVERSIZED)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The handlers after this one make the file."""


class NotingParser(MultiPartParser):
    """Django's parser of forms; also notes each field of text, and keeps a file whose name is none."""

    parts: list[Part]

    def sanitize_file_name(self, file_name: str) -> str:
        return super().sanitize_file_name(file_name) or UNNAMED

    # Django's parser makes its form once, and adds to it as the parts come.
    @property
    def _post(self) -> QueryDict:
        return self._form

    @_post.setter
    def _post(self, form: QueryDict) -> None:
        self._form = NotingForm(mutable=True, encoding=form.encoding)
        self._form.parts = self.parts


class NotingForm(QueryDict):
    """The fields of a form, each noted when it is added."""

    parts: list[Part]

    def appendlist(self, key: str | bytes, value: Any) -> None:
        self.parts.append(Part(str(key), Fate.TEXT))
        super().appendlist(key, value)


def parts_of(request: HttpRequest | None) -> list[Part]:
    """What became of each part of this request's form, in its order."""
    parts: list[Part] = request.__dict__.setdefault("noted_parts", [])
    return parts


def oversized_uploads(request: HttpRequest | None) -> list[str]:
    """The names of the files of this request that were too large to keep, in order."""
    return [part.file_name for part in parts_of(request) if part.fate is Fate.OVERSIZED]
