"""Archives that answer over loopback: a DICOMweb service and a receiver of C-STORE, each in a thread."""

from __future__ import annotations

import io
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from pydicom import Dataset, dcmread
from pydicom.uid import EnhancedSRStorage, SecondaryCaptureImageStorage
from pynetdicom import AE, evt


@dataclass
class Archive:
    """What arrived, and what is answered to whatever comes next."""

    port: int = 0
    instances: list[Dataset] = field(default_factory=list)
    requests: list[tuple[str, Message]] = field(default_factory=list)
    status: int = 200
    # By how many of the instances are refused, and DICOM's number for why.
    failed: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


class _Handler(BaseHTTPRequestHandler):
    archive: Archive

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.archive.requests.append((self.path, self.headers))
        whole = BytesParser().parsebytes(
            f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode() + data
        )
        if self.archive.status in (200, 202):
            parts = [part.get_payload(decode=True) for part in whole.get_payload()]
            self.archive.instances += [dcmread(io.BytesIO(part)) for part in parts]
        self._answer()

    def _answer(self) -> None:
        item = {
            "00081198": {"vr": "SQ", "Value": [{"00081197": {"Value": [n]}} for n in self.archive.failed]}
        }
        body = json.dumps(item).encode() if self.archive.body is None else self.archive.body
        self.send_response(self.archive.status)
        for name, value in {"Content-Length": str(len(body)), **self.archive.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: Any) -> None:
        pass


@contextmanager
def dicomweb(context: ssl.SSLContext | None = None) -> Iterator[Archive]:
    """A DICOMweb service at http://127.0.0.1:PORT; with TLS at https://localhost:PORT."""
    archive = Archive()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"archive": archive}))
    archive.port = server.server_address[1]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def receiver(*, kinds: tuple[str, ...] = (SecondaryCaptureImageStorage, EnhancedSRStorage), **options: Any):
    """A receiver of C-STORE with the AE title MRPACS."""
    archive = Archive(status=0)

    def store(event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        archive.requests.append((event.assoc.requestor.ae_title, Message()))
        if not archive.status:
            archive.instances.append(dataset)
        return archive.status

    entity = AE(ae_title="MRPACS")
    entity.require_called_aet = True
    for kind in kinds:
        entity.add_supported_context(kind)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, store)], **options
    )
    archive.port = server.server_address[1]
    try:
        yield archive
    finally:
        server.shutdown()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, which is its own CA, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext"
    command = [*made.split(), "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, timeout=30, capture_output=True)
    return certificate, key


def dcmtks(program: str) -> str | None:
    """A program of dcmtk; pynetdicom brings scripts of the same names, which take other arguments."""
    named = (Path(folder) / program for folder in os.get_exec_path())
    programs = (path for path in named if path.is_file() and not path.read_bytes().startswith(b"#!"))
    return next(map(str, programs), None)
