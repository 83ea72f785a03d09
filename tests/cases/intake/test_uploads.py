"""Taking images in: what is stored, what is refused, and that nothing is left half-way."""

import errno
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError
from django.utils import translation
from PIL import Image as PillowImage

from cases import storage
from cases.analysis import jobs
from cases.intake.receipts import Outcome
from cases.intake.upload_handler import NamelessFileUploadHandler
from cases.intake.uploads import submit_file, submit_series
from cases.models import AuditEvent, Case, Image, Job
from inference.canonical import decode_canonical
from tests.cast import make_png_bytes, sha256_of

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]


def stored_files() -> set[str]:
    """All files under images/, by name."""
    found: set[str] = set()
    pending = ["images"]
    while pending:
        folder = pending.pop()
        if not default_storage.exists(folder):
            continue
        folders, files = default_storage.listdir(folder)
        pending += [f"{folder}/{name}" for name in folders]
        found |= {f"{folder}/{name}" for name in files}
    return found


def test_upload_by_member_makes_case_image_and_queued_job(
    owner, cohort, model_version, enqueued, django_capture_on_commit_callbacks
) -> None:
    data = make_png_bytes(80, 60)
    with django_capture_on_commit_callbacks(execute=True):
        receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(data))
    case = Case.objects.get()
    image, job = Image.objects.get(), Job.objects.get()
    assert (receipt.outcome, receipt.case) == (Outcome.RECEIVED, case)
    assert (case.state, case.cohort, case.created_by) == ("open", cohort, owner)
    assert (image.width, image.height, image.bit_depth, image.colour) == (80, 60, 8, "grey")
    assert (image.source_sha256, image.source_bytes) == (sha256_of(data), len(data))
    assert (job.image, job.status, job.model_version) == (image, "queued", model_version)
    assert enqueued == [job.pk]
    assert AuditEvent.objects.get(action="case.uploaded").actor == owner


def test_stored_picture_has_the_same_pixels_and_no_metadata(owner, cohort) -> None:
    picture = PillowImage.new("L", (64, 48), 90)
    exif = PillowImage.Exif()
    exif[0x010E] = "Doe, Jane 1970-01-01"
    stream = io.BytesIO()
    picture.save(stream, "PNG", exif=exif)
    submit_file(by=owner, cohort=cohort, file=ContentFile(stream.getvalue()))
    kept = storage.load(Image.objects.get().file)
    assert b"Doe" not in kept
    reread = PillowImage.open(io.BytesIO(kept))
    assert (reread.tobytes(), dict(reread.getexif()), reread.info) == (picture.tobytes(), {}, {})


def test_stored_name_tells_nothing_of_the_upload(owner, cohort) -> None:
    submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes(), name="Doe_Jane.png"))
    image = Image.objects.get()
    assert image.file == storage.content_name("images", storage.load(image.file), ".png")
    assert "Doe" not in str(Image.objects.values().get()) + str(Case.objects.values().get())


def test_same_file_twice_in_a_cohort_points_to_the_first(owner, cohort) -> None:
    first = submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes()))
    second = submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes()))
    assert (second.outcome, second.case) == (Outcome.DUPLICATE, first.case)
    assert Case.objects.count() == Job.objects.count() == 1


def test_same_file_in_another_cohort_is_a_case_of_its_own(owner, stranger, cohort, other_cohort) -> None:
    submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes()))
    receipt = submit_file(by=stranger, cohort=other_cohort, file=ContentFile(make_png_bytes()))
    assert receipt.outcome == Outcome.RECEIVED
    assert Case.objects.count() == 2
    assert len(stored_files() & set(Image.objects.values_list("file", flat=True))) == 1


@pytest.mark.parametrize("who", ["stranger", "exporter"])
def test_upload_without_the_right_is_refused_and_stores_nothing(who, cohort, request) -> None:
    before = stored_files()
    with pytest.raises(PermissionDenied):
        submit_file(by=request.getfixturevalue(who), cohort=cohort, file=ContentFile(make_png_bytes(seed=9)))
    assert not Case.objects.exists()
    assert stored_files() == before


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"no picture at all, only words", "not_an_image"),
        (make_png_bytes(seed=3)[:-200], "truncated"),
    ],
)
def test_bad_file_is_refused_with_its_code_and_leaves_nothing(data, code, owner, cohort) -> None:
    before = stored_files()
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(data))
    assert (receipt.outcome, receipt.code, receipt.case) == (Outcome.REFUSED, code, None)
    assert receipt.message
    assert not Case.objects.exists()
    assert stored_files() == before


def test_picture_that_takes_too_long_to_decode_is_refused_in_the_readers_language(owner, cohort) -> None:
    stream = io.BytesIO()
    PillowImage.new("L", (200, 200), 90).save(stream, "JPEG", progressive=True)
    data = stream.getvalue()
    scan = data[data.rindex(b"\xff\xda") : -2]
    with translation.override("de"):
        receipt = submit_file(
            by=owner, cohort=cohort, file=ContentFile(data[:-2] + scan * 5000 + b"\xff\xd9")
        )
    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "image_too_slow")
    assert receipt.message.endswith("Höchstens 100 Durchgänge werden gelesen.")
    assert not Case.objects.exists()


def test_signed_picture_is_received_with_the_notice_that_its_values_moved(owner, cohort) -> None:
    values = np.arange(-128, 128, dtype=np.int8).repeat(16).reshape(64, 64)
    stream = io.BytesIO()
    tifffile.imwrite(stream, values, photometric="minisblack")
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(stream.getvalue()))
    assert receipt.notices == ("The file had negative values; all values were raised above zero.",)
    kept = decode_canonical(storage.load(Image.objects.get().file))
    assert np.array_equal(kept, values.astype(int) + 128)


def test_file_over_the_limit_is_refused_unread(owner, cohort, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 100
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes()))
    assert (receipt.outcome, receipt.code) == (Outcome.REFUSED, "file_too_large")


def test_database_failure_leaves_no_file_behind(owner, cohort, monkeypatch) -> None:
    before = stored_files()

    def break_down(rows: object, **options: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(Job.objects, "bulk_create", break_down)
    with pytest.raises(DatabaseError):
        submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes(seed=77)))
    assert not Case.objects.exists()
    assert stored_files() == before


def test_crash_while_a_file_is_written_leaves_nothing_under_its_name(monkeypatch) -> None:
    def crash(self: Path, target: str) -> None:
        raise KeyboardInterrupt

    data = make_png_bytes(seed=987)
    name = storage.content_name("images", data, ".png")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            storage.store("images", data, ".png")
    assert not default_storage.exists(name)
    assert storage.store("images", data, ".png") == name
    assert storage.load(name) == data


def lose(image: Image) -> None:
    storage.discard(image.file)


def damage(image: Image) -> None:
    Path(default_storage.path(image.file)).write_bytes(b"not what was stored")


@pytest.mark.parametrize(("harm", "code"), [(lose, "image_missing"), (damage, "stored_damaged")])
def test_picture_that_was_lost_is_stored_anew_by_the_same_file_and_its_job_queued(
    harm, code, owner, cohort, enqueued, django_capture_on_commit_callbacks
) -> None:
    data = make_png_bytes(seed=861)
    submit_file(by=owner, cohort=cohort, file=ContentFile(data))
    image = Image.objects.get()
    harm(image)
    lease = jobs.lease(image.jobs.get().pk)
    jobs.fail(lease, jobs.Failure(code, "It is gone.", retryable=False))
    with django_capture_on_commit_callbacks(execute=True):
        receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(data))
    assert (receipt.outcome, receipt.code, receipt.case) == (Outcome.DUPLICATE, "restored", image.case)
    assert "stored anew" in receipt.message
    pixels = decode_canonical(storage.load(image.file))
    assert np.array_equal(pixels, np.asarray(PillowImage.open(io.BytesIO(data))))
    job = Job.objects.get()
    assert (job.status, job.attempts, job.error_code) == ("queued", 0, "")
    assert enqueued == [job.pk]
    assert AuditEvent.objects.get(action="image.restored").actor == owner
    assert Case.objects.count() == 1


def test_restored_picture_leaves_a_job_that_failed_for_another_reason(owner, cohort) -> None:
    data = make_png_bytes(seed=862)
    submit_file(by=owner, cohort=cohort, file=ContentFile(data))
    lease = jobs.lease(Job.objects.get().pk)
    jobs.fail(lease, jobs.Failure("weights_missing", "The network is gone.", retryable=False))
    lose(Image.objects.get())
    assert submit_file(by=owner, cohort=cohort, file=ContentFile(data)).code == "restored"
    assert Job.objects.get().status == "failed"


def test_damaged_picture_is_not_taken_for_the_one_of_another_cohort(
    owner, stranger, cohort, other_cohort
) -> None:
    data = make_png_bytes(seed=863)
    submit_file(by=owner, cohort=cohort, file=ContentFile(data))
    image = Image.objects.get()
    damage(image)
    assert submit_file(by=stranger, cohort=other_cohort, file=ContentFile(data)).outcome == Outcome.RECEIVED
    assert storage.is_whole(image.file)


@pytest.fixture
def full_disk(monkeypatch) -> Callable[[int], None]:
    """Lets so many pictures more onto the disk, and half of the next."""

    def fill(room: int = 0) -> None:
        left = [room]

        def write(self: object, *args: object) -> str:
            name = real_save(self, *args)
            if left[0] == 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            left[0] -= 1
            return name

        monkeypatch.setattr(FileSystemStorage, "_save", write)

    real_save = FileSystemStorage._save
    return fill


@pytest.mark.parametrize("room", [0, 2])
def test_case_that_finds_no_room_leaves_nothing(room, owner, cohort, full_disk) -> None:
    before = stored_files()
    full_disk(room)
    files = [ContentFile(make_png_bytes(seed=700 + seed)) for seed in range(4)]
    files.insert(1, ContentFile(b"no picture"))
    receipts = submit_series(by=owner, cohort=cohort, files=files)
    codes = [receipt.code for receipt in receipts]
    assert codes == ["disk_full", "not_an_image" if room else "disk_full", *["disk_full"] * 3]
    assert {receipt.outcome for receipt in receipts} == {Outcome.REFUSED}
    assert stored_files() == before
    assert not any(model.objects.exists() for model in (Case, Image, Job, AuditEvent))


def test_page_of_a_full_disk_says_so_and_keeps_nothing(owner, cohort, client_of, full_disk) -> None:
    before, client = stored_files(), client_of(owner)
    full_disk(0)
    for headers in ({}, {"X-Requested-With": "XMLHttpRequest"}):
        file = SimpleUploadedFile("a.png", make_png_bytes(seed=710))
        answer = client.post("/cases/upload/", {"cohort": cohort.pk, "files": file}, headers=headers)
        assert answer.status_code == 507
        assert "no room on the disk" in answer.content.decode()
    assert stored_files() == before
    assert not Case.objects.exists()


def test_page_tells_which_files_still_found_room(owner, cohort, client_of, full_disk) -> None:
    full_disk(1)
    files = [SimpleUploadedFile(f"{seed}.png", make_png_bytes(seed=seed)) for seed in (720, 721)]
    answer = client_of(owner).post("/cases/upload/", {"cohort": cohort.pk, "files": files})
    assert answer.status_code == 200
    assert [row.receipt.code for row in answer.context["uploads"]] == ["received", "disk_full"]
    assert Case.objects.count() == 1


def test_rest_of_a_full_disk_says_so_and_keeps_nothing(owner, cohort, api_of, full_disk) -> None:
    before = stored_files()
    full_disk(0)
    file = SimpleUploadedFile("a.png", make_png_bytes(seed=711))
    answer = api_of(owner).post("/api/v1/uploads/", {"cohort": str(cohort.pk), "file": file})
    said = answer.json()
    assert (answer.status_code, said["code"]) == (507, "disk_full")
    assert [receipt["code"] for receipt in said["receipts"]] == ["disk_full"]
    assert stored_files() == before
    assert not Case.objects.exists()


@pytest.mark.parametrize("path", ["/cases/upload/", "/api/v1/uploads/"])
def test_form_that_finds_no_room_while_it_arrives_is_told_and_gone(
    path, owner, cohort, client_of, monkeypatch, settings, tmp_path
) -> None:
    def full(self: object, *args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    settings.FILE_UPLOAD_MAX_MEMORY_SIZE, settings.FILE_UPLOAD_TEMP_DIR = 0, str(tmp_path)
    monkeypatch.setattr(NamelessFileUploadHandler, "receive_data_chunk", full)
    client = client_of(owner)
    client.raise_request_exception = False
    file = SimpleUploadedFile("a.png", make_png_bytes(seed=712))
    answer = client.post(path, {"cohort": cohort.pk, "files": file, "file": file})
    assert answer.status_code == 507
    assert list(tmp_path.iterdir()) == []
    assert not Case.objects.exists()
