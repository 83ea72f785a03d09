"""What is kept of a form while it arrives."""

import io
import logging
import signal
import subprocess
import sys
from logging.config import dictConfig
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

from cases.intake.form_parts import Fate, WatchedForm
from cases.intake.upload_handler import NamelessFileUploadHandler
from cases.models import Case
from inference.formats import read_image
from portal.settings import base
from tests.cast import make_png_bytes
from tests.support.chromium import ROOT

pytestmark = pytest.mark.django_db


@pytest.fixture
def temporary_files(settings, monkeypatch) -> list[str]:
    """The names of the files that are written to disk while a form arrives."""
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    written: list[str] = []
    begin = NamelessFileUploadHandler.new_file

    def new_file(self: NamelessFileUploadHandler, *args: object, **kwargs: object) -> None:
        begin(self, *args, **kwargs)
        written.append(self.file_name)

    monkeypatch.setattr(NamelessFileUploadHandler, "new_file", new_file)
    return written


@pytest.mark.parametrize("path", ["/cases/upload/", "/accounts/sign-in/", "/theme/"])
def test_file_of_a_visitor_is_never_written_to_disk(path, temporary_files) -> None:
    Client().post(path, {"files": SimpleUploadedFile("a.png", make_png_bytes())})
    assert temporary_files == []


def test_file_of_somebody_signed_in_is(temporary_files, client_of, owner, cohort, model_version) -> None:
    files = {"cohort": cohort.pk, "files": SimpleUploadedFile("a.png", make_png_bytes())}
    client_of(owner).post("/cases/upload/", files)
    assert temporary_files == ["a.png"]
    assert Case.objects.count() == 1


HALF_A_FORM = (
    b"--limit\r\nContent-Disposition: form-data; name=files; filename=a.png\r\n"
    b"Content-Type: image/png\r\n\r\n"
)


class LostLine(io.BytesIO):
    """The body of a form whose sender goes away."""

    def read(self, size: int | None = -1) -> bytes:
        if data := super().read(size):
            return data
        raise OSError("the client has gone")


def test_upload_that_its_sender_breaks_off_leaves_no_file(
    temporary_files, client_of, owner, settings, tmp_path
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    body = {
        "wsgi.input": LostLine(HALF_A_FORM + b"x" * 300_000),
        "CONTENT_LENGTH": "1000000",
        "CONTENT_TYPE": "multipart/form-data; boundary=limit",
    }
    client = client_of(owner)
    client.raise_request_exception = False
    before = _open_files()
    client.generic("POST", "/cases/upload/", **body)
    assert temporary_files == ["a.png"]
    assert list(tmp_path.iterdir()) == []
    assert _open_files() == before


def test_files_of_one_form_share_one_file_on_disk_and_stay_apart(settings, tmp_path) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    contents = [bytes([number]) * (1000 + number) for number in range(200)]
    before = _open_files()
    handler = NamelessFileUploadHandler()
    kept = []
    for number, content in enumerate(contents):
        handler.new_file("files", f"{number}", "image/png", None)
        handler.receive_data_chunk(content[:500], 0)
        handler.receive_data_chunk(content[500:], 500)
        if number % 7:  # of those that are skipped no file is made
            kept.append((content, handler.file_complete(len(content))))
    handler.upload_complete()
    assert _open_files() == before + 1
    for content, file in reversed(kept):
        assert (file.size, file.read(), file.read()) == (len(content), content, b"")
        file.seek(-10, io.SEEK_END)
        assert file.read(100) == content[-10:]
        file.close()
    assert _open_files() == before


def _open_files() -> int:
    """How many files on disk this process holds that have no name there."""
    held = [each.readlink() for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    return sum("(deleted)" in str(name) for name in held)


TAKES_HALF = """
import os, sys
from django.conf import settings
settings.configure(FILE_UPLOAD_TEMP_DIR=sys.argv[1])
from cases.intake.upload_handler import NamelessFileUploadHandler
handler = NamelessFileUploadHandler()
handler.new_file("files", "a.png", "image/png", None)
handler.receive_data_chunk(b"x" * 300_000, 0)
os.kill(os.getpid(), 9)
"""


def test_upload_whose_process_is_killed_leaves_no_file(tmp_path) -> None:
    ended = subprocess.run([sys.executable, "-c", TAKES_HALF, str(tmp_path)], cwd=ROOT, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [1, 7, 64 * 2**10])
def test_parts_are_told_in_order_however_the_bytes_come(size) -> None:
    body = b"".join(
        b"--limit\r\nContent-Disposition: form-data; " + said + b"\r\n\r\ncontent\r\n\r\n--limi\r\n"
        for said in (
            b"name=cohort",
            b'name="files"; filename="a.png"\r\nContent-Type: image/png',
            b"name=files",
            b'name="files"; filename=""',
            b"filename=none.png",
            b'name=files; filename="--limi.png"',
        )
    )
    form = WatchedForm(io.BytesIO(b"preamble\r\n\r\n" + body + b"--limit\r\nno head--limit--\r\n"), b"limit")
    while form.read(size):
        pass
    assert [(part.field, part.fate) for part in form.parts] == [
        ("cohort", Fate.TEXT),
        ("files", Fate.FILE),
        ("files", Fate.TEXT),
        ("files", Fate.TEXT),
        ("files", Fate.FILE),
    ]


def test_malformed_form_is_no_fault_of_ours(client_of, owner, cohort, model_version) -> None:
    """What the parser makes of it is what is taken in, whatever the heads seemed to tell."""
    head = b'\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    cohort_part = (
        b'--limit\r\nContent-Disposition: form-data; name="cohort"\r\n\r\n%s\r\n' % str(cohort.pk).encode()
    )
    for body in (
        b"words\r\n\r\n--limit" + head + b"--limit" + head,
        b"--limit" + head[2:] + b"--limit--limit" + head + b"x",
        cohort_part + b"--limit" + head + b"x" + b"--limit" + head + b"--limit" + head[:40],
        cohort_part + b"--limit" + head + b"--limit" + b"y" * 3000 + head,
    ):
        answer = client_of(owner).generic(
            "POST", "/cases/upload/", body, "multipart/form-data; boundary=limit"
        )
        assert answer.status_code in (200, 400, 422)


def test_file_in_the_middle_of_which_the_form_ends_has_its_receipt(
    client_of, owner, cohort, model_version
) -> None:
    head = b'\r\nContent-Disposition: form-data; name="files"; filename="%s.png"\r\n\r\n'
    body = (
        b'--limit\r\nContent-Disposition: form-data; name="cohort"\r\n\r\n%s\r\n--limit'
        % str(cohort.pk).encode()
    )
    body += head % b"a" + make_png_bytes(seed=1) + b"\r\n--limit" + head % b"b" + make_png_bytes(seed=2)[:900]
    answer = client_of(owner).generic("POST", "/cases/upload/", body, "multipart/form-data; boundary=limit")
    rows = [(row.name, row.receipt.code) for row in answer.context["uploads"]]
    assert rows == [("a.png", "received"), ("b.png", "cut_off")]
    assert Case.objects.count() == 1


def test_files_over_the_limit_of_the_whole_form_are_refused_and_the_first_is_kept(
    client_of, owner, cohort, model_version, settings
) -> None:
    first, second = (make_png_bytes(seed=seed) for seed in (1, 2))
    settings.UPLOAD_MAX_REQUEST_BYTES = len(first) + 10
    files = [SimpleUploadedFile("first.png", first), SimpleUploadedFile("second.png", second)]
    answer = client_of(owner).post("/cases/upload/", {"cohort": cohort.pk, "files": files})
    assert Case.objects.count() == 1
    assert "send fewer files at once" in answer.content.decode()


def test_tags_of_a_picture_stay_out_of_the_log_at_every_level() -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "Doe, Jane 1970-01-01"
    stream, log = io.BytesIO(), io.StringIO()
    PillowImage.new("L", (64, 64)).save(stream, "TIFF", tiffinfo=tags)
    root = logging.getLogger()
    level, handler = root.level, logging.StreamHandler(log)
    dictConfig(base.LOGGING | {"incremental": True, "handlers": {}, "root": {"level": "DEBUG"}})
    root.addHandler(handler)
    try:
        read_image(stream.getvalue())
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    assert "Doe" not in log.getvalue()
