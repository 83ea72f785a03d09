"""Stops keeping files past the limits, while they still arrive, and keeps none of a visitor's.

What is not kept is read and thrown away, so that the files beside it in the same
form go on; its name is left on the request for the page to refuse it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

OVERSIZED = "oversized_uploads"


class SizeLimitUploadHandler(FileUploadHandler):
    """Skips a file that is over UPLOAD_MAX_BYTES, or over UPLOAD_MAX_REQUEST_BYTES with those before it.

    The CSRF check reads a form before any view asks who sent it; so this asks first.
    """

    position = -1
    received_in_all = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.position += 1
        self.received = 0
        if self.request is None or not self.request.user.is_authenticated:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        self.received += len(raw_data)
        self.received_in_all += len(raw_data)
        if (
            self.received > settings.UPLOAD_MAX_BYTES
            or self.received_in_all > settings.UPLOAD_MAX_REQUEST_BYTES
        ):
            oversized_uploads(self.request).append(self.file_name or "")
            oversized_positions(self.request).append(self.position)
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:
        """The handlers after this one make the file."""


def oversized_uploads(request: HttpRequest | None) -> list[str]:
    """The names of the files of this request that were too large to keep, in order."""
    names: list[str] = request.__dict__.setdefault(OVERSIZED, [])
    return names


def oversized_positions(request: HttpRequest | None) -> list[int]:
    """Where those files stood among all files of the request, counted from 0, in order."""
    positions: list[int] = request.__dict__.setdefault("oversized_positions", [])
    return positions
