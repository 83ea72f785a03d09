"""A truth.csv in a folder that is imported: seen with the preview, given to the cases, kept out of them."""

from __future__ import annotations

import unicodedata
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from cases import csv_files
from cases.intake.incoming import folders, known, working
from cases.intake.incoming.proposals import failure_told, preview_told
from cases.models import AuditEvent, Case, Disclosure, IncomingUpload, Membership
from tests.cases.intake.hospital import slice_file, zipped
from tests.cases.setup.test_import_page import (
    PAGE,
    begin,
    confirm,
    looked_at,
    outcomes,
    worked_on,
)
from tests.cast import make_png_bytes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model_version")]


@pytest.fixture
def scans(archive: Path) -> Path:
    """Two pictures, one of them in a subfolder."""
    write(archive, "p0.png", make_png_bytes(seed=0))
    write(archive, "deep/p1.png", make_png_bytes(seed=1))
    return archive


def write(folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)


def truth(folder: Path, *lines: str, first: str = "file,known_class") -> None:
    write(folder, "truth.csv", "\n".join([first, *lines]).encode())


def classes(upload: IncomingUpload) -> list[tuple[list[str], str, str]]:
    return [(each.files, each.known_class, each.known_as) for each in preview_told(upload).cases]


def failure(client: Any, cohort: Any) -> str:
    upload = looked_at(client, cohort)
    assert upload.state == "failed"
    assert not Case.objects.exists()
    told = failure_told(upload)
    upload.delete()
    return told


def test_known_classes_are_shown_with_the_preview_and_given_to_the_cases(
    administrator, cohort, client_of, scans
) -> None:
    client = client_of(administrator)
    truth(scans, "deep/p1.png,glioma")
    page = client.get(PAGE, {"cohort": str(cohort.pk), "folder": "Archive"})
    assert page.context["chosen"].files == 1
    assert "truth.csv lies here" in page.content.decode()
    upload = looked_at(client, cohort)
    assert upload.files == 2
    assert classes(upload) == [(["deep/p1.png"], "glioma", "Glioma"), (["p0.png"], "", "")]
    assert preview_told(upload).others == []
    assert "Known class: Glioma" in client.get(PAGE, {"cohort": str(cohort.pk)}).content.decode()
    assert not Disclosure.objects.exists()

    # What was shown is made, whatever the file says by now.
    truth(scans, "deep/p1.png,pituitary", "p0.png,pituitary")
    confirm(client, upload)
    upload = worked_on(upload)
    assert outcomes(upload) == [("deep/p1.png", "received", "received"), ("p0.png", "received", "received")]
    known_case, other = Case.objects.order_by("created_at")
    assert (known_case.ground_truth, other.ground_truth) == ("glioma", "")
    event = AuditEvent.objects.get(action="truth.set")
    assert (event.actor, event.cohort, event.subject) == (administrator, cohort, str(known_case.pk))
    assert event.details == {
        "before": "",
        "after": "glioma",
        "reason": "From truth.csv in the folder “Archive”.",
    }
    shown = Disclosure.objects.values_list("user", "case", "kind")
    assert list(shown) == [(administrator.pk, known_case.pk, "truth")]


def test_case_of_many_files_has_the_class_of_those_that_say_one_and_two_are_refused(
    administrator,
    cohort,
    client_of,
    archive,
) -> None:
    client = client_of(administrator)
    for at in range(3):
        write(archive, f"s{at}.dcm", slice_file(float(at)))
    write(archive, "p.png", make_png_bytes(seed=5))
    series = ["s0.dcm", "s1.dcm", "s2.dcm"]
    truth(archive, "s1.dcm;glioma", "s2.dcm;glioma", "p.png;", first="file;known_class")
    assert sorted(classes(looked_at(client, cohort))) == [
        (["p.png"], "", ""),
        (series, "glioma", "Glioma"),
    ]
    truth(archive, "s1.dcm,glioma", "s2.dcm,pituitary")
    upload = looked_at(client, cohort)
    said = "The files of this case have several known classes in truth.csv: glioma, pituitary. Give them one."
    assert classes(upload) == [(["p.png"], "", "")]
    assert [(each.name, each.message) for each in preview_told(upload).others] == [
        (name, said) for name in series
    ]
    confirm(client, upload)
    assert outcomes(worked_on(upload)) == [
        ("p.png", "received", "received"),
        *((name, "refused", "two_classes") for name in series),
    ]
    assert not AuditEvent.objects.filter(action="truth.set").exists()


def test_same_picture_under_two_names_and_two_classes_is_refused(
    administrator, cohort, client_of, scans
) -> None:
    write(scans, "twin.png", make_png_bytes(seed=0))
    truth(scans, "p0.png,glioma", "twin.png,pituitary", "deep/p1.png,glioma")
    upload = looked_at(client_of(administrator), cohort)
    assert classes(upload) == [(["deep/p1.png"], "glioma", "Glioma")]
    assert list(preview_told(upload).of_two.values()) == [known.said_of_two(["glioma", "pituitary"])]
    truth(scans, "twin.png,pituitary")
    assert classes(looked_at(client_of(administrator), cohort))[1] == (
        ["p0.png"],
        "pituitary",
        "Pituitary tumour",
    )


def test_lines_that_give_no_case_a_class_are_told_and_hinder_nothing(
    administrator, cohort, client_of, scans
) -> None:
    client = client_of(administrator)
    write(scans, "words.txt", b"no picture")
    write(scans, "more.zip", zipped({"p9.png": make_png_bytes(seed=9)}))
    truth(scans, "gone.png,glioma", "words.txt,glioma", "more.zip,glioma", "more.zip/p9.png,pituitary")
    upload = looked_at(client, cohort)
    assert preview_told(upload).unused == [
        "Line 2: There is no file gone.png in this folder.",
        "Line 3: words.txt becomes part of no case here, so that its known class is not used.",
        "Line 4: more.zip holds several files. Name them one by one, such as more.zip/p9.png.",
    ]
    assert (["more.zip/p9.png"], "pituitary", "Pituitary tumour") in classes(upload)
    page = client.get(PAGE, {"cohort": str(cohort.pk)}).content.decode()
    assert "Line 2: There is no file gone.png in this folder." in page
    truth(scans, *(f"gone{at}.png,glioma" for at in range(known.NAMED + 2)))
    told = preview_told(looked_at(client, cohort)).unused
    assert (len(told), told[-1]) == (known.NAMED + 1, "And 2 more lines.")


def test_names_are_compared_as_people_write_them(administrator, cohort, client_of, archive) -> None:
    write(archive, unicodedata.normalize("NFD", "übersicht.png"), make_png_bytes(seed=0))
    write(archive, "deep/p1.png", make_png_bytes(seed=1))
    truth(archive, "übersicht.png,glioma", ".\\deep\\p1.png,pituitary")
    assert [each[1] for each in classes(looked_at(client_of(administrator), cohort))] == [
        "pituitary",
        "glioma",
    ]


WRONG = [
    (b"file,known_class\n../p0.png,glioma\n", "Line 2: Name the file by its way from this folder, such as"),
    (b"file,known_class\n/etc/passwd,glioma\n", "Line 2: Name the file by its way from this folder"),
    (b"file,known_class\n,glioma\n", "Line 2: Name the file by its way from this folder"),
    (b"file,known_class\np0.png,glioma\n./p0.png,glioma\n", "Line 3: The file p0.png stands here twice."),
    (b"file,known_class\np0.png,cat\n", "Line 2: There is no class cat; known are glioma"),
    (b"file,known_class\np0.png,glioma,more\n", "Line 2: The line has more cells than columns"),
    (b"file,known_class\np0.png,\x00\n", "Line 2: The line has more cells than columns"),
    (b"case,known_class\np0.png,glioma\n", "The first line names the columns: file and known_class."),
    (b"", "The first line names the columns: file and known_class. Received: –."),  # noqa: RUF001
    (b"file,known_class\n\xff,glioma\n", "The file is not UTF-8 text. Save it as CSV (UTF-8)."),
    (b'file,known_class\n"' + b"x" * 140_000, "A line of the file is longer than a cell may be"),
]


def test_file_that_cannot_be_taken_is_told_line_by_line_and_nothing_is_proposed(
    administrator, cohort, client_of, scans
) -> None:
    client = client_of(administrator)
    for data, sentence in WRONG:
        write(scans, "truth.csv", data)
        told = failure(client, cohort)
        assert told.startswith(f"truth.csv cannot be taken: {sentence}")
        assert told.endswith(" Correct it, and import the folder again.")


def test_file_that_is_too_large_or_has_too_many_lines_is_told(
    administrator, cohort, client_of, scans, monkeypatch
) -> None:
    client = client_of(administrator)
    truth(scans, "p0.png,glioma", "deep/p1.png,glioma")
    monkeypatch.setattr(csv_files, "MAX_ROWS", 1)
    assert "The file has more than 100,000 lines: split it." in failure(client, cohort)
    monkeypatch.setattr(csv_files, "MAX_BYTES", 20)
    assert "The file is larger than 5 MB: split it." in failure(client, cohort)


def test_link_is_not_followed_and_what_is_no_file_of_the_chosen_folder_gives_nothing(
    administrator, cohort, client_of, scans, tmp_path
) -> None:
    client = client_of(administrator)
    truth(tmp_path, "p0.png,glioma")
    (scans / "truth.csv").symlink_to(tmp_path / "truth.csv")
    assert failure(client, cohort).startswith("truth.csv: This is a link, and links are not followed.")
    (scans / "truth.csv").unlink()
    truth(scans / "deep", "p1.png,glioma")
    (scans / "truth.csv").mkdir()
    upload = looked_at(client, cohort)
    assert [each[1] for each in classes(upload)] == ["", ""]
    # One that lies further down is of another folder: it is told as the text that it is.
    assert [each.name for each in preview_told(upload).others] == ["deep/truth.csv"]
    assert [each[:2] for each in classes(looked_at(client, cohort, "deep"))] == [(["p1.png"], "glioma")]


def test_folder_with_nothing_but_known_classes_has_nothing_to_import(
    administrator,
    cohort,
    client_of,
    archive,
) -> None:
    truth(archive, "p0.png,glioma")
    assert failure(client_of(administrator), cohort) == "There is no file in this folder. Choose another one."
    assert folders.listing("Archive", "").files == 0


def test_worker_that_died_half_way_leaves_each_class_written_down_once(
    administrator, cohort, client_of, scans, monkeypatch
) -> None:
    client = client_of(administrator)
    truth(scans, "p0.png,glioma", "deep/p1.png,pituitary")
    upload = looked_at(client, cohort)
    confirm(client, upload)
    real = working.proposals.disclosures.record

    class Killed(BaseException):
        """As of SIGKILL, nothing is put in order."""

    def dies_at_the_second(**given: Any) -> None:
        if Case.objects.count() == 2:
            raise Killed
        real(**given)

    with monkeypatch.context() as patched:
        patched.setattr(working.proposals.disclosures, "record", dies_at_the_second)
        with pytest.raises(Killed):
            working.work_on(upload.pk)
    assert list(Case.objects.values_list("ground_truth", flat=True)) == ["pituitary"]
    IncomingUpload.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert worked_on(upload).state == "done"
    assert sorted(Case.objects.values_list("ground_truth", flat=True)) == ["glioma", "pituitary"]
    assert AuditEvent.objects.filter(action="truth.set").count() == 2
    assert Disclosure.objects.filter(user=administrator, kind="truth").count() == 2


def test_person_who_administers_no_more_is_shown_no_known_class(
    administrator, cohort, client_of, scans
) -> None:
    truth(scans, "p0.png,glioma")
    begin(client_of(administrator), cohort)
    Membership.objects.filter(user=administrator).update(role="radiologist")
    upload = worked_on()
    assert (upload.state, preview_told(upload).cases) == ("failed", [])
    assert "glioma" not in failure_told(upload)
