"""What a series of 500 slices costs on its way in: in pieces, cut off and resumed, and as one form.

    python docs/benchmarks/upload.py [SLICES]

Starts the web server of `make run` on SQLite and sends it a zip of synthetic slices of 512 x 512 pixels. The
line breaks in the middle of a piece half-way, and the upload goes on. A process like the maintenance worker
looks at it and takes it in. Prints seconds by the clock, and the memory of each process over what it held
when idle (Linux: VmHWM of /proc). It runs for some minutes.
"""

from __future__ import annotations

import base64
import hashlib
import importlib
import io
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

import numpy as np
import requests

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.benchmarks.costs import Peak
from docs.benchmarks.figures import Figure, arguments, hand_over

SLICES, SIDE = 500, 512
# How much of the picture the ellipse covers.
HEAD = 0.7
PIECE = 8 * 2**20
TUS = {"Tus-Resumable": "1.0.0"}
COHORTS = ("pieces", "form")


def main() -> int:
    """Measure what was asked for."""
    parser = arguments(__doc__)
    parser.add_argument("slices", nargs="?", type=int, default=SLICES)
    asked = parser.parse_args()
    slices = asked.slices
    with tempfile.TemporaryDirectory(prefix="secondread-bench-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "SECONDREAD_VAR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/bench.sqlite3",
            "CELERY_BROKER_URL": "memory://",
        }
        import django

        django.setup()
        token = prepared()
        data = series(slices)
        print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print(f"{slices} slices of {SIDE} x {SIDE}, a zip of {len(data) / 2**20:.0f} MB\n")
        with serving() as (address, web):
            figures = measure(Line(address, token), web, data)
        hand_over(figures, asked.json)
    return 0


class Line:
    """A script that talks to the portal."""

    def __init__(self, address: str, token: str) -> None:
        self.address = address
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Token {token}"

    def begin(self, cohort: str, data: bytes) -> str:
        """The address of an upload that is begun."""
        said = {"cohort": cohort, "filename": "series.zip", "sha256": hashlib.sha256(data).hexdigest()}
        words = ",".join(f"{name} {base64.b64encode(word.encode()).decode()}" for name, word in said.items())
        headers = TUS | {"Upload-Length": str(len(data)), "Upload-Metadata": words}
        answer = self.session.post(f"{self.address}/api/v1/resumable-uploads/", headers=headers)
        answer.raise_for_status()
        return f"{self.address}{answer.headers['Location']}"

    def send(self, where: str, data: bytes, until: int) -> None:
        """Ask where the upload is, and go on to `until`."""
        answer = self.session.head(where, headers=TUS)
        offset = int(answer.headers["Upload-Offset"])
        while offset < until:
            piece = data[offset : min(offset + PIECE, len(data))]
            digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
            headers = self._of_piece(offset) | {"Upload-Checksum": f"sha256 {digest}"}
            answer = self.session.patch(where, data=piece, headers=headers)
            answer.raise_for_status()
            offset = int(answer.headers["Upload-Offset"])

    def break_off(self, where: str, data: bytes) -> None:
        """Send half of the next piece, and hang up."""
        offset = int(self.session.head(where, headers=TUS).headers["Upload-Offset"])
        host, port = self.address.removeprefix("http://").split(":")
        headers = self._of_piece(offset) | {
            "Host": host,
            "Authorization": str(self.session.headers["Authorization"]),
            "Content-Length": str(PIECE),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((host, int(port))) as line:
            line.sendall(f"PATCH {where.removeprefix(self.address)} HTTP/1.1\r\n{head}\r\n".encode())
            line.sendall(data[offset : offset + PIECE // 2])

    def _of_piece(self, offset: int) -> dict[str, str]:
        return TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}


def measure(line: Line, web: int, data: bytes) -> list[Figure]:
    """One upload in pieces, and the same as a form."""
    from cases.intake.incoming import receiving
    from cases.models import IncomingUpload

    where = line.begin(COHORTS[0], data)
    figures = [
        *taken("web: first half in pieces of 8 MB", web, lambda: line.send(where, data, len(data) // 2)),
        *taken("web: line broken in a piece", web, lambda: line.break_off(where, data)),
        *taken("web: resumed, the other half", web, lambda: line.send(where, data, len(data))),
    ]
    upload = IncomingUpload.objects.get()
    figures += worked_on("worker: looked at, preview made", upload.pk)
    upload.refresh_from_db()
    if upload.state != "proposed":
        raise RuntimeError(upload.state)
    receiving.confirm(by=upload.user, upload=upload, left_out=[])
    figures += worked_on("worker: confirmed, taken in", upload.pk)

    def form() -> None:
        files = {"file": ("series.zip", data)}
        answer = line.session.post(
            f"{line.address}/api/v1/uploads/", data={"cohort": COHORTS[1]}, files=files
        )
        answer.raise_for_status()

    return [*figures, *taken("web: the same as one form, sent and taken in", web, form)]


def taken(title: str, process: int, act: Callable[[], None]) -> list[Figure]:
    """Do it, and tell what it took of the process."""
    peak = Peak(process)
    start = time.perf_counter()
    act()
    seconds = time.perf_counter() - start
    return [Figure(title, seconds, "s"), Figure(f"{title}, memory over idle", peak.grown, "MiB")]


def worked_on(title: str, upload: UUID) -> list[Figure]:
    """Do what the upload waits for in a process of its own."""
    from django.db import connection

    connection.close()
    with get_context("spawn").Pool(1) as pool:
        worker = pool.apply(ready)
        return taken(title, worker, lambda: pool.apply(work, (upload,)))


def ready() -> int:
    """What a worker has done before its first task; its process."""
    import django

    django.setup()
    importlib.import_module("cases.intake.incoming.working")
    return os.getpid()


def work(upload: UUID) -> None:
    """In the worker."""
    from cases.intake.incoming import working

    working.work_on(upload)


def series(slices: int) -> bytes:
    """A zip of DICOM slices: a bright ellipse in noise, 2 mm apart, no two the same."""
    from tests.inference.dicoms import dicom, in_space

    random = np.random.default_rng(0)
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for at in range(slices):
            inside = rows**2 + (columns * 1.2) ** 2 < HEAD
            pixels = (random.integers(0, 300, (SIDE, SIDE)) + inside * 2000).astype(np.uint16)
            place = in_space((1, 0, 0), (0, 1, 0), (0, 0, 2.0 * at))
            archive.writestr(f"IM{at:04}", dicom(pixels, **place, BitsStored=12, HighBit=11))
    return stream.getvalue()


def prepared() -> str:
    """A database with a cohort for each way, and the token of who may upload into both."""
    from django.core.management import call_command

    from cases.models import Cohort, Membership, ModelVersion
    from portal.accounts.models import User
    from tests.cast import MANIFEST, token_of

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    ModelVersion.objects.create(
        name=MANIFEST["id"], weights_sha256=MANIFEST["weights_sha256"], manifest=MANIFEST, is_active=True
    )
    user = User.objects.create_user(email="script@example.org", full_name="Script")
    for name in COHORTS:
        cohort = Cohort.objects.create(name=name)
        Membership.objects.create(user=user, cohort=cohort, role="technologist")
    return token_of(user)


@contextmanager
def serving() -> Iterator[tuple[str, int]]:
    """The web server, which has answered a page; its address and its process."""
    from tests.support.ports import free_port

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "portal.standalone.webserver", "127.0.0.1", str(port)]
    web = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)  # noqa: S603 - ours
    try:
        while True:
            try:
                requests.get(f"{address}/accounts/sign-in/", timeout=30).raise_for_status()
                break
            except requests.ConnectionError:
                time.sleep(0.1)
        yield address, web.pid
    finally:
        web.terminate()
        web.wait()


if __name__ == "__main__":
    sys.exit(main())
