"""Sending by STOW-RS (PS3.18, 10.5): one request a case, its instances on disk until they are through.

The standard library's client follows no redirect, and asks no proxy of the environment: where a peer is, the
settings say, and nobody else.
"""

from __future__ import annotations

import http.client
import io
import json
import secrets
import shutil
import ssl
import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any

from django.conf import settings

from cases.exchange.answers import Answer, Refused, TryLater, Unreachable, as_reason, check_reasons
from cases.exchange.deadline import cut, deadline
from cases.exchange.destinations import Destination, tls_context

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_JSON = "application/dicom+json"
_FAILED, _REASON = "00081198", "00081197"
# An answer names each instance; nothing beyond this is read of one.
_LONGEST_ANSWER = 2**20
_STORED = (200, 202)
_TRY_LATER = (408, 425, 429)
_CONFLICT = 409


def store(destination: Destination, instances: Iterable[Dataset]) -> Answer:
    """Send the instances. Raises Refused or TryLater."""
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as body:
        boundary = secrets.token_hex(16)
        count = _write(body, boundary, instances)
        length = body.tell()
        body.seek(0)
        return replace(_sent(destination, body, length, boundary), instances=count)


def _write(body: IO[bytes], boundary: str, instances: Iterable[Dataset]) -> int:
    """Write the instances as parts of the body; how many they are."""
    count = 0
    for instance in instances:
        count += 1
        body.write(f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode())
        file = io.BytesIO()
        instance.save_as(file, enforce_file_format=True)
        file.seek(0)
        shutil.copyfileobj(file, body)
        body.write(b"\r\n")
    body.write(f"--{boundary}--\r\n".encode())
    return count


def _sent(destination: Destination, body: IO[bytes], length: int, boundary: str) -> Answer:
    headers = {
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Content-Length": str(length),
        "Accept": _JSON,
        "User-Agent": "SecondRead",
    }
    if destination.authorisation:
        headers["Authorization"] = destination.authorisation
    try:
        connection = _connection(destination)
        with closing(connection), deadline(lambda: _cut(connection)):
            connection.request("POST", f"{destination.path}/studies", body=body, headers=headers)
            response = connection.getresponse()
            said = response.read(_LONGEST_ANSWER)
            if response.length and len(said) < _LONGEST_ANSWER:
                raise Unreachable(Answer("broken_off"))
            return _answer_of(response.status, said)
    except ssl.SSLCertVerificationError:
        raise Refused(Answer("certificate")) from None
    except (OSError, http.client.HTTPException):
        raise Unreachable(Answer("unreachable")) from None


def _connection(destination: Destination) -> http.client.HTTPConnection:
    seconds = settings.DICOM_DESTINATION_TIMEOUT_SECONDS
    if destination.is_tls:
        return http.client.HTTPSConnection(
            destination.host, destination.port, timeout=seconds, context=tls_context()
        )
    return http.client.HTTPConnection(destination.host, destination.port, timeout=seconds)


def _cut(connection: http.client.HTTPConnection) -> None:
    """End whatever waits for this connection."""
    if connection.sock:
        cut(connection.sock)


def _answer_of(status: int, body: bytes) -> Answer:
    """What the status and the instances that failed mean. Raises Refused or TryLater."""
    reasons = _reasons(body)
    if status in _STORED or status == _CONFLICT:
        check_reasons(reasons, status)
    if status in _STORED:
        return Answer("stored", status)
    if status in _TRY_LATER or status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TryLater(Answer("busy", status))
    if status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        raise Refused(Answer("not_authorised", status))
    if http.HTTPStatus.MULTIPLE_CHOICES <= status < http.HTTPStatus.BAD_REQUEST:
        raise Refused(Answer("redirected", status))
    raise Refused(Answer("refused", status))


def _reasons(body: bytes) -> dict[str, int]:
    """How many instances failed, by DICOM's number for why; of an answer that is none, nothing."""
    try:
        told: Any = json.loads(body)
        failed = told.get(_FAILED, {}).get("Value", [])
        numbers = [int(item.get(_REASON, {}).get("Value", [0])[0]) for item in failed]
    except (ValueError, TypeError, AttributeError, LookupError):
        return {}
    return dict(sorted(Counter(as_reason(number & 0xFFFF) for number in numbers).items()))
