"""The words of tus 1.0, a protocol for uploads that can be resumed (https://tus.io/protocols/resumable-upload)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import UnreadablePostError
from django.utils.http import http_date
from django.utils.translation import gettext as _t
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.request import Request

from cases.intake.incoming.receiving import DIGESTS, TooLong
from cases.models import IncomingUpload

if TYPE_CHECKING:
    from django.http import HttpRequest

VERSION = "1.0.0"
EXTENSIONS = "creation,checksum,termination,expiration"
MEDIA_TYPE = "application/offset+octet-stream"
# For clients behind a proxy that knows no PATCH.
_OVERRIDE = "X-HTTP-Method-Override"
_OVERRIDING = ("PATCH", "DELETE", "HEAD")
# No more digits than the database takes.
_MOST_DIGITS = 18


class OtherVersion(APIException):
    """The client speaks another version of tus, or none."""

    status_code = 412
    default_code = "tus_version"

    def __init__(self) -> None:
        super().__init__(_t("This address speaks tus 1.0.0: send the header Tus-Resumable: 1.0.0."))


def check_version(request: Request) -> None:
    """Raise OtherVersion."""
    if request.headers.get("Tus-Resumable") != VERSION:
        raise OtherVersion


def use_overriding_method(request: HttpRequest) -> None:
    """Take the method that the client means."""
    named = request.headers.get(_OVERRIDE, "").upper()
    if request.method == "POST" and named in _OVERRIDING:
        request.method = named


def number_in(request: Request, header: str) -> int:
    """The number in a header. Raises ParseError."""
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdecimal()) or len(text) > _MOST_DIGITS:
        raise ParseError(_t("The header %(header)s is a number of bytes.") % {"header": header})
    return int(text)


def digests_in(request: Request) -> Mapping[str, bytes]:
    """What Upload-Checksum says, by the names of tus; empty without one. Raises ParseError."""
    text = request.headers.get("Upload-Checksum")
    if text is None:
        return {}
    name, _, value = text.partition(" ")
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except ValueError:  # no base64, or no ASCII at all
        digest = b""
    if name not in DIGESTS or not digest:
        message = _t("Upload-Checksum is one of %(known)s and the digest in base64.")
        raise ParseError(message % {"known": ", ".join(DIGESTS)})
    return {name: digest}


def body_of(request: Request) -> bytes:
    """The piece that a request brings; of one that was cut off what had come. Raises TooLong."""
    if (request.content_type or "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise UnsupportedMediaType(request.content_type or "", _t("A piece is sent as %s.") % MEDIA_TYPE)
    if number_in(request, "Content-Length") > settings.UPLOAD_PIECE_MAX_BYTES:
        raise TooLong(settings.UPLOAD_PIECE_MAX_BYTES)
    content = bytearray()
    stream = request.stream
    try:
        while stream is not None and (some := stream.read(2**16)):
            content += some
    except UnreadablePostError:
        pass  # the line broke: what is here need not be sent again
    return bytes(content)


def headers_of(upload: IncomingUpload) -> dict[str, str]:
    """Where the upload stands."""
    return {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": http_date(upload.expires_at.timestamp()),
    }


def abilities() -> dict[str, str]:
    """What is answered to OPTIONS."""
    return {
        "Tus-Version": VERSION,
        "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE),
        "Tus-Checksum-Algorithm": ",".join(DIGESTS),
    }
