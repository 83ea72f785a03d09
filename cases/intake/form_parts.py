"""The parts of a form as they came, in order: read from the bytes on their way to Django's parser.

Django gives a view the fields and the files of a form, each sorted by name: where a field stood among the
files, or that a file had no name, nobody can tell from these.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import IO, TYPE_CHECKING

from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from django.http import HttpRequest
    from rest_framework.request import Request

_END_OF_HEAD = b"\r\n\r\n"
# Django's parser refuses a form with a longer one.
_MOST_HEAD = 2048


class Fate(Enum):
    """What became of a part of a form."""

    # With a file name, before its content comes; it stays so where Django finds no such part.
    FILE = auto()
    KEPT = auto()
    OVERSIZED = auto()
    CUT_OFF = auto()
    # Without a file name, as which it is a field of the form and no file.
    TEXT = auto()


@dataclass(frozen=True)
class Part:
    """One part of a form: the field it belongs to, and its file name, once Django has cleaned it."""

    field: str
    fate: Fate
    file_name: str = ""


class WatchedForm:
    """The body of a multipart form; `parts` are those whose heads have been read, in their order.

    Boundaries and heads are told as Django's parser tells them (django.http.multipartparser), which decides
    what a part is: nothing is taken from here but the order.
    """

    def __init__(self, body: IO[bytes], boundary: bytes) -> None:
        self.parts: list[Part] = []
        self._body = body
        self._separator = b"--" + boundary
        self._unread = b""
        self._is_in_head = False

    def read(self, size: int = -1) -> bytes:
        """Read the next bytes of the body."""
        data = self._body.read(size)
        self._unread += data
        while self._go_on():
            pass
        return data

    def _go_on(self) -> bool:
        """Take the next boundary or head out of what is unread; False where it has not come yet."""
        separator = self._unread.find(self._separator)
        end = self._unread.find(_END_OF_HEAD) if self._is_in_head else -1
        if end >= 0 and not 0 <= separator < end:
            self._is_in_head = False
            self._note(self._unread[:end])
            self._unread = self._unread[end + len(_END_OF_HEAD) :]
            return True
        if separator >= 0:
            self._is_in_head = True
            self._unread = self._unread[separator + len(self._separator) :]
            return True
        if not self._is_in_head or len(self._unread) > _MOST_HEAD:
            self._is_in_head = False
            self._unread = self._unread[1 - len(self._separator) :]
        return False

    def _note(self, head: bytes) -> None:
        disposition = {}
        for line in head.split(b"\r\n"):
            try:
                name, parameters = parse_header_parameters(line.decode())
            except ValueError:
                continue
            if name.partition(":")[0] == "content-disposition":
                disposition = parameters
        if "name" in disposition:
            fate = Fate.FILE if disposition.get("filename") else Fate.TEXT
            self.parts.append(Part(disposition["name"].strip(), fate))


def parts_of(request: HttpRequest | Request) -> list[Part]:
    """What became of each part of this request's form, in its order; the form has been read already."""
    parts: list[Part] = getattr(request, "form_parts", [])
    return [part for part in parts if part.fate is not Fate.FILE]
