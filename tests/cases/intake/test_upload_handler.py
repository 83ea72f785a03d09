"""What is kept of a form while it arrives."""

import io
import logging
from logging.config import dictConfig

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.test import Client
from PIL import Image as PillowImage
from PIL import TiffImagePlugin

from cases.models import Case
from inference.formats import read_image
from portal.settings import base
from tests.cast import make_png_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def temporary_files(settings, monkeypatch) -> list[str]:
    """The names of the files that are written to disk while a form arrives."""
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0
    written: list[str] = []
    begin = TemporaryFileUploadHandler.new_file

    def new_file(self: TemporaryFileUploadHandler, *args: object, **kwargs: object) -> None:
        begin(self, *args, **kwargs)
        written.append(self.file_name)

    monkeypatch.setattr(TemporaryFileUploadHandler, "new_file", new_file)
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
