"""Importing what lies in a folder of the operator's: chosen, looked at, confirmed, made by a worker."""

from __future__ import annotations

import logging
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone

from cases.intake.incoming import receiving, working
from cases.intake.incoming.proposals import failure_told, preview_told, receipts_told
from cases.models import AuditEvent, Case, Cohort, IncomingUpload, Membership
from tests.cases.intake.hospital import slice_file, zipped
from tests.cast import make_png_bytes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model_version", "archive")]

PAGE = "/dashboard/study/import/"
NAME = "Mustermann_Erika"


@pytest.fixture
def erika(archive: Path) -> Path:
    """A series of three slices, and a word."""
    folder = archive / NAME
    folder.mkdir()
    for at in range(3):
        (folder / f"slice{at}.dcm").write_bytes(slice_file(float(at)))
    (folder / "words.txt").write_bytes(b"no picture at all")
    return folder


def token_of(client: Any, cohort: Cohort, name: str) -> str:
    chosen = client.get(PAGE, {"cohort": str(cohort.pk), "folder": "Archive"}).context["chosen"]
    return next(each.token for each in chosen.subfolders if each.name == name)


def begin(client: Any, cohort: Cohort, name: str = "", **more: str) -> Any:
    at = token_of(client, cohort, name) if name else ""
    given = {"cohort": str(cohort.pk), "folder": "Archive", "at": at, "grouping": "separate"}
    return client.post(PAGE, given | more)


def worked_on(upload: IncomingUpload | None = None) -> IncomingUpload:
    upload = upload or IncomingUpload.objects.get(state="checking")
    working.work_on(upload.pk)
    upload.refresh_from_db()
    return upload


def looked_at(client: Any, cohort: Cohort, name: str = "", **more: str) -> IncomingUpload:
    assert begin(client, cohort, name, **more).status_code == 302
    return worked_on()


def confirm(client: Any, upload: IncomingUpload, *keys: str) -> Any:
    wanted = list(keys) or [each.key for each in preview_told(upload).cases]
    return client.post(reverse("cases:incoming-create", args=[upload.pk]), {"case": wanted})


def stored_pictures() -> int:
    return len(list(Path(storages["default"].location).rglob("*.png")))


def outcomes(upload: IncomingUpload) -> list[tuple[str, str, str]]:
    return [(name, receipt.outcome.value, receipt.code) for name, receipt in receipts_told(upload)]


def test_folder_is_looked_at_confirmed_and_becomes_the_case_that_was_shown(
    administrator, cohort, client_of, erika, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    client = client_of(administrator)
    answer = begin(client, cohort, NAME)
    assert answer["Location"] == f"{PAGE}?cohort={cohort.pk}#imports"
    assert "Waits to be read" in client.get(answer["Location"]).content.decode()

    upload = worked_on()
    assert (upload.state, upload.folder, upload.files, upload.files_done) == ("proposed", "Archive", 4, 4)
    assert (upload.length, upload.pieces) == (0, [])
    (proposed,) = preview_told(upload).cases
    assert (proposed.title, proposed.files) == (
        "3 images, MR, axial, 48 x 40",
        ["slice0.dcm", "slice1.dcm", "slice2.dcm"],
    )
    page = client.get(answer["Location"]).content.decode()
    assert "1 case would be made." in page
    assert f"Archive/{NAME}" in page
    assert (Case.objects.count(), stored_pictures()) == (0, 0)

    back = confirm(client, upload)
    assert back["Location"] == f"{PAGE}?cohort={cohort.pk}"
    upload = worked_on(upload)
    assert upload.state == "done"
    case = Case.objects.get()
    assert (case.images.count(), case.created_by, stored_pictures()) == (3, administrator, 3)
    page = client.get(back["Location"]).content.decode()
    assert case.code in page
    assert "3 files as one case" in page
    assert sorted(path.name for path in erika.iterdir()) == [
        "slice0.dcm",
        "slice1.dcm",
        "slice2.dcm",
        "words.txt",
    ]

    begun = AuditEvent.objects.get(action="import.begun")
    assert (begun.actor, begun.cohort, begun.details) == (administrator, cohort, {"folder": "Archive"})
    done = AuditEvent.objects.get(action="import.done")
    assert (done.actor, done.cohort) == (administrator, cohort)
    assert done.details == {"folder": "Archive", "cases": 1, "received": 3, "duplicate": 0, "refused": 1}
    # Neither a log nor an address nor the row has a name that may be a patient's.
    kept = f"{caplog.text} {list(IncomingUpload.objects.values())} {list(AuditEvent.objects.values())}"
    assert NAME not in kept
    assert "slice0" not in kept
    assert NAME not in answer["Location"]


def test_same_folder_again_makes_nothing_and_says_what_is_there(
    administrator, cohort, client_of, erika
) -> None:
    client = client_of(administrator)
    upload = looked_at(client, cohort, NAME)
    confirm(client, upload)
    worked_on(upload)
    again = looked_at(client, cohort, NAME)
    preview = preview_told(again)
    assert (preview.cases, preview.duplicates, preview.refused) == ([], 3, 1)
    assert Case.objects.count() == 1


def test_pictures_are_each_a_case_or_slices_of_one_and_zips_are_opened(
    administrator, cohort, client_of, archive
) -> None:
    client = client_of(administrator)
    for at in range(2):
        (archive / f"p{at}.png").write_bytes(make_png_bytes(seed=at))
    (archive / "more.zip").write_bytes(zipped({"p9.png": make_png_bytes(seed=9)}))
    assert [each.images for each in preview_told(looked_at(client, cohort)).cases] == [1, 1, 1]
    (together,) = preview_told(looked_at(client, cohort, grouping="one_case")).cases
    assert together.files == ["more.zip/p9.png", "p0.png", "p1.png"]


def test_what_changed_after_the_look_is_not_made_and_the_rest_is(
    administrator, cohort, client_of, archive
) -> None:
    client = client_of(administrator)
    for at in range(2):
        (archive / f"p{at}.png").write_bytes(make_png_bytes(seed=at))
    upload = looked_at(client, cohort)
    (archive / "p1.png").write_bytes(make_png_bytes(seed=7))
    (archive / "p2.png").write_bytes(make_png_bytes(seed=2))
    confirm(client, upload)
    upload = worked_on(upload)
    assert outcomes(upload) == [
        ("p0.png", "received", "received"),
        ("p1.png", "refused", "changed"),
        ("p2.png", "refused", "changed"),
    ]
    assert (Case.objects.count(), stored_pictures()) == (1, 1)
    page = client.get(PAGE, {"cohort": str(cohort.pk)}).content.decode()
    assert "Not as you saw it: files came, went or changed in between. Import the folder again." in page


def test_case_that_is_left_out_is_not_made(administrator, cohort, client_of, archive) -> None:
    client = client_of(administrator)
    for at in range(2):
        (archive / f"p{at}.png").write_bytes(make_png_bytes(seed=at))
    upload = looked_at(client, cohort)
    confirm(client, upload, preview_told(upload).cases[1].key)
    assert outcomes(worked_on(upload)) == [
        ("p0.png", "refused", "left_out"),
        ("p1.png", "received", "received"),
    ]


def test_import_of_a_worker_that_died_half_way_is_gone_on_with_and_makes_no_case_twice(
    administrator, cohort, client_of, archive, monkeypatch
) -> None:
    client = client_of(administrator)
    for at in range(3):
        (archive / f"p{at}.png").write_bytes(make_png_bytes(seed=at))
    upload = looked_at(client, cohort)
    confirm(client, upload)
    real = working.proposals.new_case
    made: list[Case] = []

    class Killed(BaseException):
        """As of SIGKILL, nothing is put in order."""

    def dies_at_the_second(*args: Any) -> Any:
        make = real(*args)

        def case_of(plan: Any) -> Case:
            if made:
                raise Killed
            made.append(make(plan))
            return made[-1]

        return case_of

    with monkeypatch.context() as patched:
        patched.setattr(working.proposals, "new_case", dies_at_the_second)
        with pytest.raises(Killed):
            working.work_on(upload.pk)
    assert Case.objects.count() == 1
    assert worked_on(upload).state == "creating"  # it is leased to whoever died
    IncomingUpload.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    upload = worked_on(upload)
    assert (upload.state, Case.objects.count()) == ("done", 3)
    assert [each[1] for each in outcomes(upload)] == ["duplicate", "received", "received"]
    assert AuditEvent.objects.get(action="import.done").details["received"] == 2


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda archive, _settings: shutil.rmtree(archive), "The folder “Archive” cannot be read."),
        (lambda archive, _settings: shutil.rmtree(archive / NAME), "This folder is gone, or the portal may"),
        (
            lambda archive, _settings: [path.unlink() for path in (archive / NAME).iterdir()],
            "There is no file in this folder.",
        ),
        (
            lambda _archive, settings: setattr(settings, "UPLOAD_PIECES_MAX_FILES", 3),
            "There are more than 3 files in this folder. Choose one of its subfolders.",
        ),
        (
            lambda _archive, settings: setattr(settings, "SECRET_KEY", "x" * 60),
            "What was noted of this import is lost. Import the folder again.",
        ),
    ],
    ids=["all_gone", "gone", "empty", "many", "key"],
)
def test_folder_that_cannot_be_read_is_told_in_words(
    administrator, cohort, client_of, erika, settings, spoil, sentence
) -> None:
    begin(client_of(administrator), cohort, NAME)
    spoil(erika.parent, settings)
    upload = worked_on()
    assert upload.state == "failed"
    assert failure_told(upload).startswith(sentence)


def test_full_disk_is_told_of_each_file_and_leaves_nothing(
    administrator, cohort, client_of, erika, monkeypatch
) -> None:
    client = client_of(administrator)
    upload = looked_at(client, cohort, NAME)
    confirm(client, upload)

    def full(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(storages["default"]), "_save", full)
    upload = worked_on(upload)
    assert [each[2] for each in outcomes(upload)] == ["disk_full"] * 4
    assert (Case.objects.count(), stored_pictures()) == (0, 0)


def test_folder_that_is_never_read_to_its_end_is_given_up(
    administrator, cohort, client_of, erika, monkeypatch
) -> None:
    begin(client_of(administrator), cohort, NAME)

    def dies(*_args: Any, **_more: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(working.proposals, "preview_of", dies)
    for _attempt in range(3):
        assert worked_on().state == "checking"
    assert failure_told(worked_on()) == (
        "This folder could not be read to its end. Import its subfolders one by one."
    )


# Who may.


def test_only_administrators_of_that_cohort_see_or_begin_an_import(
    administrator, owner, colleague, other_cohort, cohort, client_of, erika
) -> None:
    for person, wanted, status in (
        (owner, cohort, 403),
        (colleague, cohort, 403),
        (administrator, other_cohort, 404),
    ):
        client = client_of(person)
        assert client.get(PAGE, {"cohort": str(wanted.pk)}).status_code == status
        assert client.post(PAGE, {"cohort": str(wanted.pk), "folder": "Archive"}).status_code == status
    assert not IncomingUpload.objects.exists()
    assert not AuditEvent.objects.filter(action="import.begun").exists()


def test_import_of_another_person_is_not_there(
    administrator, make_person, cohort, client_of, api_of, erika
) -> None:
    upload = looked_at(client_of(administrator), cohort, NAME)
    other = client_of(make_person("deputy", cohort, "administrator"))
    assert NAME not in str(other.get(PAGE, {"cohort": str(cohort.pk)}).context["imports"])
    for name in ("create", "discard"):
        assert other.post(reverse(f"cases:incoming-{name}", args=[upload.pk])).status_code == 404
    # Nor is it an upload, which a token could confirm.
    script = api_of(administrator, scopes=["upload"])
    assert script.get(f"/api/v1/resumable-uploads/{upload.pk}/").status_code == 404
    assert str(upload.pk) not in client_of(administrator).get(reverse("cases:upload")).content.decode()
    upload.refresh_from_db()
    assert upload.state == "proposed"


def test_person_who_administers_no_more_neither_confirms_nor_has_it_made(
    administrator, cohort, client_of, erika
) -> None:
    client = client_of(administrator)
    upload = looked_at(client, cohort, NAME)
    confirm(client, upload)
    Membership.objects.filter(user=administrator).update(role="technologist")
    assert client.get(reverse("cases:incoming", args=[upload.pk])).status_code == 404
    assert worked_on(upload).state == "failed"
    assert not Case.objects.exists()


def test_cohort_that_was_deleted_takes_nothing(administrator, cohort, client_of, erika) -> None:
    client = client_of(administrator)
    token = token_of(client, cohort, NAME)
    Cohort.objects.filter(pk=cohort.pk).update(deleted_at=timezone.now())
    given = {"cohort": str(cohort.pk), "folder": "Archive", "at": token}
    assert client.get(PAGE, given).status_code == 403
    assert client.post(PAGE, given).status_code == 403
    assert "Import from a folder" not in client.get(f"/dashboard/study/?cohort={cohort.pk}").content.decode()
    assert not IncomingUpload.objects.exists()


def test_without_named_folders_nothing_speaks_of_them(administrator, cohort, client_of, settings) -> None:
    client, study = client_of(administrator), f"/dashboard/study/?cohort={cohort.pk}"
    assert f"{PAGE}?cohort={cohort.pk}" in client.get(study).content.decode()
    settings.IMPORT_FOLDERS = {}
    assert "older" not in client.get(study).content.decode()
    assert client.get(PAGE).status_code == 404
    assert client.post(PAGE, {"cohort": str(cohort.pk), "folder": "Archive"}).status_code == 404


# What is wrong with what is asked.


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"folder": "Other"}, "Your administrator offers no folder of this name any more."),
        ({"folder": "Archive", "at": "../../etc"}, "This folder is gone, or the portal may not read it."),
        ({"folder": "Archive", "volume": "0"}, "greater than or equal to 1"),
        ({"folder": "Archive", "grouping": "heap"}, "heap is not one of the available choices"),
    ],
)
def test_what_cannot_be_chosen_is_told_and_begins_nothing(
    administrator, cohort, client_of, erika, given, sentence
) -> None:
    answer = client_of(administrator).post(PAGE, {"cohort": str(cohort.pk)} | given)
    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not IncomingUpload.objects.exists()


def test_too_many_imports_of_one_person_are_told_in_words(
    administrator, cohort, client_of, erika, settings
) -> None:
    settings.UPLOAD_PIECES_MAX_UPLOADS_OF_ONE = 1
    client = client_of(administrator)
    begin(client, cohort, NAME)
    answer = begin(client, cohort, NAME)
    assert answer.status_code == 422
    assert "You have too much under way." in answer.content.decode()
    assert IncomingUpload.objects.count() == 1


def test_several_folders_are_offered_and_none_is_chosen_by_itself(
    administrator, cohort, client_of, archive, tmp_path, settings
) -> None:
    settings.IMPORT_FOLDERS = {"Trial 10": tmp_path, "Trial 2": archive}
    page = client_of(administrator).get(PAGE, {"cohort": str(cohort.pk)})
    assert page.context["folders"] == ["Trial 2", "Trial 10"]
    assert page.context["chosen"] is None
    assert "Choose one of the folders that your administrator has named." in page.content.decode()


def test_import_is_swept_after_its_time_and_dismissed_by_its_own(
    administrator, cohort, client_of, erika
) -> None:
    client = client_of(administrator)
    upload = looked_at(client, cohort, NAME)
    assert client.post(reverse("cases:incoming-discard", args=[upload.pk]))["Location"].startswith(PAGE)
    assert not IncomingUpload.objects.exists()
    looked_at(client, cohort, NAME)
    IncomingUpload.objects.update(expires_at=timezone.now())
    assert receiving.sweep() == 1
    assert len(list(erika.iterdir())) == 4
