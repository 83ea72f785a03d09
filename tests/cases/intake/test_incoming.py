"""Uploads in pieces: cut, resumed, looked at, confirmed, thrown away; and who may do so."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone

from cases.intake.incoming import receiving, vault, working
from cases.intake.incoming.proposals import preview_told
from cases.models import Case, Cohort, Image, IncomingUpload, Membership
from tests.cases.intake.hospital import four_dimensional, slice_file, zipped
from tests.cast import UNKNOWN_ID, make_png_bytes

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("model_version")]

ADDRESS = "/api/v1/resumable-uploads/"
NAME = "Mustermann_Erika"


@pytest.fixture(autouse=True)
def pieces(tmp_path: Path, settings: Any) -> Path:
    """Where pieces are kept; they and the pictures are of this test alone."""
    settings.STORAGES = settings.STORAGES | {
        name: entry | {"OPTIONS": entry["OPTIONS"] | {"location": str(tmp_path / name)}}
        for name, entry in settings.STORAGES.items()
        if name in ("default", "incoming")
    }
    return tmp_path / "incoming"


@pytest.fixture
def kept(pieces: Path) -> Callable[[], bytes]:
    """All that lies there."""
    return lambda: b"".join(path.read_bytes() for path in pieces.rglob("*") if path.is_file())


def words(**said: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())


def begin(client: Any, cohort: Any, data: bytes, **said: str) -> Any:
    """The answer to an upload that is begun; its address is in Location."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data))}
    return client.post(ADDRESS, headers=headers | {"Upload-Metadata": words(cohort=str(cohort.pk), **said)})


def send(client: Any, where: str, offset: int, piece: bytes, **headers: str) -> Any:
    given = {"Tus-Resumable": "1.0.0", "Upload-Offset": str(offset)} | headers
    return client.generic("PATCH", where, piece, "application/offset+octet-stream", headers=given)


def sent(client: Any, cohort: Any, data: bytes, **said: str) -> IncomingUpload:
    """An upload that is here as a whole."""
    where = begin(client, cohort, data, **said)["Location"]
    assert send(client, where, 0, data).status_code == 204
    return IncomingUpload.objects.get(pk=where.rstrip("/").rsplit("/", 1)[1])


def worked_on(upload: IncomingUpload) -> IncomingUpload:
    working.work_on(upload.pk)
    upload.refresh_from_db()
    return upload


def series(count: int = 4, **elements: Any) -> dict[str, bytes]:
    return {f"{NAME}/slice{at}.dcm": slice_file(float(at), **elements) for at in range(count)}


def stored_pictures() -> set[Path]:
    return set(Path(storages["default"].location).rglob("*.png"))


def test_cut_upload_goes_on_where_it_was_cut_and_becomes_the_case_that_is_confirmed(
    owner, cohort, client_of, kept
) -> None:
    client, data = client_of(owner), zipped(series())
    where = begin(client, cohort, data, filename=f"{NAME}.zip")["Location"]
    first = send(client, where, 0, data[:1000])
    assert (first.status_code, first["Upload-Offset"], first["Tus-Resumable"]) == (204, "1000", "1.0.0")

    again = client.head(where, headers={"Tus-Resumable": "1.0.0"})
    assert (again["Upload-Offset"], again["Upload-Length"]) == ("1000", str(len(data)))
    assert again["Cache-Control"] == "no-store"
    assert send(client, where, 1000, data[1000:])["Upload-Offset"] == str(len(data))

    upload = worked_on(IncomingUpload.objects.get())
    assert (upload.state, upload.files, upload.files_done) == ("proposed", 4, 4)
    (proposed,) = preview_told(upload).cases
    assert proposed.title == "4 images, MR, axial, 48 x 40"
    assert proposed.files == [f"{NAME}.zip/{NAME}/slice{at}.dcm" for at in range(4)]
    assert not Case.objects.exists()
    assert stored_pictures() == set()

    confirmed = client.post(reverse("cases:incoming-create", args=[upload.pk]), {"case": proposed.key})
    assert confirmed.status_code == 302
    upload = worked_on(upload)
    assert upload.state == "done"
    assert Case.objects.get().images.count() == 4
    assert kept() == b""


def test_preview_says_what_is_grouped_doubled_refused_and_quarantined(owner, cohort, client_of) -> None:
    other_patient = {"PatientID": "2", "PatientName": "Someone^Else", "SeriesInstanceUID": "1.2.3.9"}
    files = series(3) | {
        "twice.dcm": slice_file(0.0),
        "far.dcm": slice_file(30.0),
        "other.dcm": slice_file(0.0, seed=99, BurnedInAnnotation="YES", **other_patient),
        "words.dcm": b"no picture at all",
        "picture.png": make_png_bytes(),
    }
    upload = worked_on(sent(client_of(owner), cohort, zipped(files), filename="all.zip"))
    preview = preview_told(upload)
    assert [(each.title, each.is_suspect) for each in preview.cases] == [
        ("1 image, 64 x 64", False),
        ("4 images, MR, axial, 48 x 40", False),
        ("1 image, MR, axial, 48 x 40", True),
    ]
    assert "Between the slices others seem to be missing: about 27." in preview.cases[1].remarks
    assert [(each.name, each.outcome) for each in preview.others] == [
        ("all.zip/twice.dcm", "duplicate"),
        ("all.zip/words.dcm", "refused"),
    ]
    assert (preview.refused, preview.duplicates) == (1, 1)
    page = client_of(owner).get(reverse("cases:upload")).content.decode()
    assert "3 cases would be made." in page
    assert "1 file refused" in page
    assert not Case.objects.exists()


def test_case_that_is_left_out_is_not_made_and_leaves_no_picture(owner, cohort, client_of) -> None:
    client = client_of(owner)
    other = {f"b{at}.dcm": slice_file(at, seed=60 + at, SeriesInstanceUID="1.2.3.9") for at in range(2)}
    upload = worked_on(sent(client, cohort, zipped(series(3) | other)))
    leave, keep = sorted(preview_told(upload).cases, key=lambda each: each.images)
    client.post(reverse("cases:incoming-create", args=[upload.pk]), {"case": keep.key})
    upload = worked_on(upload)
    assert Case.objects.get().images.count() == keep.images == 3
    assert len(stored_pictures()) == 3
    told = client.get(f"{ADDRESS}{upload.pk}/").json()
    assert [receipt["code"] for receipt in told["receipts"]].count("left_out") == leave.images == 2
    assert "2 files left out, as you chose." in client.get(reverse("cases:upload")).content.decode()


def test_upload_of_which_nothing_is_ticked_waits_and_says_so(owner, cohort, client_of) -> None:
    upload = worked_on(sent(client_of(owner), cohort, zipped(series(2))))
    script = {"X-Requested-With": "XMLHttpRequest"}
    answer = client_of(owner).post(reverse("cases:incoming-create", args=[upload.pk]), headers=script)
    assert "Choose at least one case, or throw the upload away." in answer.content.decode()
    upload.refresh_from_db()
    assert upload.state == "proposed"


def test_direct_upload_of_a_script_with_a_digest_is_taken_in_without_a_preview(owner, cohort, api_of) -> None:
    script, data = api_of(owner, scopes=["upload"]), zipped(series(2))
    said = {"direct": "true", "sha256": hashlib.sha256(data).hexdigest()}
    upload = worked_on(sent(script, cohort, data, **said))
    told = script.get(f"{ADDRESS}{upload.pk}/").json()
    assert (told["state"], [each["outcome"] for each in told["receipts"]]) == ("done", ["received"] * 2)
    assert {each["case"] for each in told["receipts"]} == {Case.objects.get().code}


def test_whole_with_another_digest_than_the_sender_gave_is_refused(owner, cohort, api_of, kept) -> None:
    upload = worked_on(sent(api_of(owner), cohort, zipped(series(2)), direct="true", sha256="0" * 64))
    told = api_of(owner).get(f"{ADDRESS}{upload.pk}/").json()
    expected = "What arrived has another digest than what was sent. Send it again."
    assert (told["state"], told["failure"]) == ("failed", expected)
    assert not Case.objects.exists()
    assert kept() == b""


def test_proposed_cases_are_made_over_rest_but_for_those_left_out(owner, cohort, api_of) -> None:
    script = api_of(owner)
    upload = worked_on(sent(script, cohort, zipped(series(2))))
    where = f"{ADDRESS}{upload.pk}/"
    (proposed,) = script.get(where).json()["cases"]
    assert script.post(f"{where}create/", {"leave_out": ["none such"]}, format="json").status_code == 400
    made = script.post(f"{where}create/", {"leave_out": [proposed["key"]]}, format="json")
    assert (made.status_code, made.json()["state"]) == (202, "creating")
    assert script.post(f"{where}create/", {}, format="json").json()["code"] == "wrong_state"
    assert worked_on(upload).state == "done"
    assert not Case.objects.exists()


def test_tar_of_a_folder_is_read_with_long_names_and_without_links(owner, cohort, client_of) -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for at in range(2):
            data = slice_file(float(at))
            entry = tarfile.TarInfo(f"{'x' * 120}{at}")
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    preview = preview_told(worked_on(sent(client_of(owner), cohort, stream.getvalue())))
    assert [each.files for each in preview.cases] == [[f"{'x' * 120}0", f"{'x' * 120}1"]]
    (refused,) = preview.others
    assert (refused.name, "leads out of the archive" in refused.message) == ("link", True)


def test_tar_whose_heads_lie_is_refused_in_words(owner, cohort, client_of) -> None:
    entry = tarfile.TarInfo("far")
    entry.size = 2**33
    data = entry.tobuf(tarfile.GNU_FORMAT) + b"x" * 600
    (refused,) = preview_told(worked_on(sent(client_of(owner), cohort, data))).others
    assert "damaged in the archive" in refused.message


# What is kept of it meanwhile.


def test_nothing_of_an_upload_lies_in_the_clear_where_it_waits(
    owner, cohort, client_of, caplog, kept
) -> None:
    data = zipped({f"{NAME}.dcm": slice_file(0.0, PatientName=NAME.replace("_", "^"))}, method=0)
    caplog.set_level("DEBUG")
    upload = worked_on(sent(client_of(owner), cohort, data, filename=f"{NAME}.zip"))
    row = str(IncomingUpload.objects.values().get(pk=upload.pk))
    assert NAME.encode() in data
    for told in (kept().decode("latin-1"), row, caplog.text):
        assert "Mustermann" not in told
    with vault.whole_file(upload.pk, upload.pieces) as stream:
        assert stream.read() == data


def test_piece_in_another_place_is_not_read(owner, cohort, client_of, pieces) -> None:
    client, data = client_of(owner), zipped(series(2))
    where = begin(client, cohort, data)["Location"]
    send(client, where, 0, data[:500])
    send(client, where, 500, data[500:])
    upload = IncomingUpload.objects.get()
    first, second = (pieces / upload.pk.hex / name for name, _ in upload.pieces)
    first.write_bytes(second.read_bytes())
    upload = worked_on(upload)
    assert upload.state == "failed"
    page = client.get(reverse("cases:upload")).content.decode()
    assert "What had arrived of this upload is lost. Send it again." in page


def test_other_secret_key_ends_an_upload_in_words(owner, cohort, client_of, settings) -> None:
    client = client_of(owner)
    upload = sent(client, cohort, zipped(series(2)))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another" * 10
    assert worked_on(upload).state == "failed"
    assert client.get(f"{ADDRESS}{upload.pk}/").json()["failure"] == (
        "What had arrived of this upload is lost. Send it again."
    )


def test_upload_that_nobody_goes_on_with_is_swept_and_what_is_under_way_stays(
    owner, cohort, client_of
) -> None:
    client, data = client_of(owner), b"x" * 100
    old, new = (begin(client, cohort, data)["Location"] for _ in range(2))
    for where in (old, new):
        send(client, where, 0, data[:50])
    past = timezone.now() - timedelta(seconds=1)
    IncomingUpload.objects.filter(pk=old.rstrip("/").rsplit("/", 1)[1]).update(expires_at=past)
    assert client.head(old, headers={"Tus-Resumable": "1.0.0"}).status_code == 404
    vault.keep_piece(IncomingUpload().pk, 0, b"of no row")
    assert receiving.sweep() == 1
    assert [upload.offset for upload in IncomingUpload.objects.all()] == [50]
    assert vault.kept_uploads() == set(IncomingUpload.objects.values_list("pk", flat=True))


def test_upload_that_is_thrown_away_leaves_nothing(owner, cohort, client_of, kept) -> None:
    client = client_of(owner)
    where = begin(client, cohort, b"x" * 100)["Location"]
    send(client, where, 0, b"x" * 50)
    assert client.delete(where, headers={"Tus-Resumable": "1.0.0"}).status_code == 204
    assert not IncomingUpload.objects.exists()
    assert kept() == b""


# Who may, and how much.


def test_upload_of_another_person_is_not_there_and_stays_as_it_is(
    owner, colleague, administrator, cohort, client_of, api_of
) -> None:
    where = begin(client_of(owner), cohort, b"x" * 100)["Location"]
    key = IncomingUpload.objects.get().pk
    for person in (colleague, administrator):
        client = client_of(person)
        tus = {"Tus-Resumable": "1.0.0"}
        answers = [send(client, where, 0, b"x"), client.head(where, headers=tus), client.get(where)]
        answers += [client.delete(where, headers=tus), client.post(f"{where}create/")]
        for name in ("incoming-create", "incoming-discard"):
            answers.append(client.post(reverse(f"cases:{name}", args=[key])))
        assert [answer.status_code for answer in answers] == [404] * 7
    assert IncomingUpload.objects.get().offset == 0


def test_person_who_lost_the_right_neither_goes_on_nor_has_it_taken_in(owner, cohort, client_of) -> None:
    client = client_of(owner)
    whole = sent(client, cohort, zipped(series(2)))
    where = begin(client, cohort, b"x" * 100)["Location"]
    Membership.objects.filter(user=owner).update(role="exporter")
    assert send(client, where, 0, b"x").status_code == 404
    assert worked_on(whole).state == "failed"
    assert not Image.objects.exists()


def test_person_who_left_the_cohort_sees_nothing_of_an_own_upload_any_more(owner, cohort, client_of) -> None:
    client, elsewhere = client_of(owner), Cohort.objects.create(name="Another")
    Membership.objects.create(user=owner, cohort=elsewhere, role="technologist")
    upload = worked_on(sent(client, cohort, zipped(series(2))))
    row = reverse("cases:incoming", args=[upload.pk])

    def seen() -> tuple[bool, bool, int]:
        page = client.get(reverse("cases:upload")).content.decode()
        direct = client.get(row, headers={"HX-Request": "true"})
        return NAME in page, NAME in direct.content.decode(), direct.status_code

    assert seen() == (True, True, 200)
    Membership.objects.filter(user=owner, cohort=cohort).delete()
    assert seen() == (False, False, 404)
    create = client.post(reverse("cases:incoming-create", args=[upload.pk]), {"case": "any"})
    assert create.status_code == 404
    assert not Case.objects.exists()


def test_token_of_another_cohort_does_not_reach_it(owner, cohort, api_of) -> None:
    other = Cohort.objects.create(name="Another")
    Membership.objects.create(user=owner, cohort=other, role="technologist")
    where = begin(api_of(owner), cohort, b"x")["Location"]
    limited = api_of(owner, scopes=["upload"], cohort=other)
    assert limited.get(where).status_code == 404
    assert begin(limited, cohort, b"x").status_code == 404


def test_upload_from_another_page_without_the_csrf_token_is_refused(owner, cohort) -> None:
    from django.test import Client

    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert begin(client, cohort, b"x").status_code == 403
    assert not IncomingUpload.objects.exists()


def test_what_one_person_and_all_have_under_way_is_bounded_in_words(
    owner, colleague, cohort, client_of, settings
) -> None:
    settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE, settings.UPLOAD_PIECES_MAX_BYTES = 1000, 1500
    assert begin(client_of(owner), cohort, b"x" * 1001).status_code == 413
    assert begin(client_of(owner), cohort, b"x" * 600).status_code == 201
    own = begin(client_of(owner), cohort, b"x" * 600)
    assert (own.status_code, own.json()["code"]) == (507, "uploads_full")
    assert "You have too much under way." in own.json()["detail"]
    every = begin(client_of(colleague), cohort, b"x" * 901)
    assert (every.status_code, "Too many uploads" in every.json()["detail"]) == (507, True)
    settings.UPLOAD_PIECES_MAX_UPLOADS_OF_ONE = 1
    assert begin(client_of(owner), cohort, b"x").status_code == 507


def test_full_disk_keeps_what_was_there_and_says_so(owner, cohort, client_of, monkeypatch) -> None:
    client = client_of(owner)
    where = begin(client, cohort, b"x" * 100)["Location"]
    send(client, where, 0, b"x" * 50)

    def full(*_args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(storages["incoming"]), "_save", full)
    answer = send(client, where, 50, b"x" * 50)
    assert (answer.status_code, answer.json()["code"]) == (507, "disk_full")
    assert IncomingUpload.objects.get().offset == 50


# The protocol.


def test_piece_at_another_place_or_of_another_digest_is_refused_and_not_kept(
    owner, cohort, client_of, kept
) -> None:
    client, data = client_of(owner), b"x" * 100
    where = begin(client, cohort, data)["Location"]
    right = base64.b64encode(hashlib.sha256(data[:50]).digest()).decode()
    for offset, piece, checksum, status, code in (
        (10, data[:50], "", 409, "offset_differs"),
        (0, data[:49], f"sha256 {right}", 460, "digest_differs"),
        (0, data[:50], f"crc32 {right}", 400, "parse_error"),
        (0, data[:50], "sha256 \xe9", 400, "parse_error"),
        (0, data + b"x", "", 413, "too_large"),
    ):
        headers = {"Upload-Checksum": checksum} if checksum else {}
        answer = send(client, where, offset, piece, **headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert IncomingUpload.objects.get().offset == 0
    assert kept() == b""
    assert send(client, where, 0, data[:50], **{"Upload-Checksum": f"sha256 {right}"}).status_code == 204


def test_of_two_that_send_the_same_piece_at_once_one_is_told_to_ask_again(owner, cohort, client_of) -> None:
    begin(client_of(owner), cohort, b"x" * 100)
    here, there = IncomingUpload.objects.get(), IncomingUpload.objects.get()
    receiving.append(by=owner, upload=here, offset=0, data=b"x" * 50, digests={})
    with pytest.raises(receiving.OffsetDiffers):
        receiving.append(by=owner, upload=there, offset=0, data=b"x" * 50, digests={})
    assert len(storages["incoming"].listdir(here.pk.hex)[1]) == 1


def test_page_lists_what_waits_and_the_newest_of_what_is_over(owner, cohort, client_of) -> None:
    def kept(state: str) -> IncomingUpload:
        upload = IncomingUpload(user=owner, cohort=cohort, length=1, state=state, language="en")
        upload.expires_at = timezone.now() + timedelta(hours=1)
        upload.sealed, upload.told = vault.seal(upload.id, ""), vault.seal(upload.id, "[]")
        return upload

    waiting = IncomingUpload.objects.bulk_create([kept("receiving"), kept("receiving")])
    over = IncomingUpload.objects.bulk_create([kept("done") for _ in range(receiving.MOST_OVER_SHOWN + 1)])
    page = client_of(owner).get("/cases/upload/")
    listed = {row.upload.pk for row in page.context["incoming"]}
    assert listed.issuperset(upload.pk for upload in waiting)
    assert len(listed) == len(waiting) + receiving.MOST_OVER_SHOWN == len(over) + 1


def test_words_of_tus_are_asked_for_and_told(owner, cohort, client_of, settings) -> None:
    client = client_of(owner)
    told = client.options(ADDRESS)
    assert (told.status_code, told["Tus-Version"]) == (204, "1.0.0")
    assert told["Tus-Extension"] == "creation,checksum,termination,expiration"
    assert told["Tus-Max-Size"] == str(settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE)
    old = client.post(ADDRESS, headers={"Tus-Resumable": "0.2.2"})
    assert (old.status_code, old["Tus-Version"], old.json()["code"]) == (412, "1.0.0", "tus_version")

    made = begin(client, cohort, b"x" * 10, filename=NAME)
    where = made["Location"]
    assert made["Upload-Offset"] == "0"
    assert "Upload-Expires" in made
    metadata = client.head(where, headers={"Tus-Resumable": "1.0.0"})["Upload-Metadata"]
    assert metadata == words(cohort=str(cohort.pk), filename=NAME)
    wrong = client.generic(
        "PATCH", where, b"x", "text/plain", headers={"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    )
    assert wrong.status_code == 415
    override = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "X-HTTP-Method-Override": "PATCH"}
    posted = client.generic("POST", where, b"x" * 10, "application/offset+octet-stream", headers=override)
    assert (posted.status_code, posted["Upload-Offset"]) == (204, "10")


@pytest.mark.parametrize(
    ("metadata", "length", "sentence"),
    [
        ("cohort", "1", "There is no such cohort"),
        ("cohort !!", "1", "names and base64 of UTF-8"),
        ("cohort \xe9", "1", "names and base64 of UTF-8"),
        ("colour cmVk", "1", "twice or unknown"),
        ("grouping cmVk", "1", "“grouping” is one of"),
        ("direct cmVk", "1", "“direct” is one of"),
        ("sha256 cmVk", "1", "64 hexadecimal digits"),
        ("filename YQBi", "1", "no text"),
        (f"filename {'YWFh' * 2000}", "1", "longer than"),
        ("", "many", "number of bytes"),
        ("", "-1", "number of bytes"),
        ("", "9" * 30, "number of bytes"),
    ],
)
def test_upload_that_says_something_wrong_is_told_what_is_right(
    metadata, length, sentence, owner, cohort, client_of
) -> None:
    known = "" if "cohort" in metadata else f"{words(cohort=str(cohort.pk))},"
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": length, "Upload-Metadata": f"{known}{metadata}"}
    answer = client_of(owner).post(ADDRESS, headers=headers)
    assert answer.status_code in (400, 404)
    assert sentence in answer.json()["detail"]
    assert not IncomingUpload.objects.exists()


def test_upload_left_by_a_worker_that_died_is_taken_again_and_given_up_after_three(
    owner, cohort, client_of, monkeypatch, kept
) -> None:
    upload = sent(client_of(owner), cohort, zipped(series(2)))

    def dies(*_args: Any, **_more: Any) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(working.proposals, "preview_of", dies)
        for attempt in range(1, 4):
            assert (worked_on(upload).attempts, upload.state) == (attempt, "checking")
    assert worked_on(upload).state == "failed"
    assert kept() == b""


def test_upload_that_somebody_is_at_work_on_is_left_alone(owner, cohort, client_of) -> None:
    upload = sent(client_of(owner), cohort, zipped(series(2)))
    soon = timezone.now() + timedelta(minutes=1)
    IncomingUpload.objects.update(token=UNKNOWN_ID, next_at=soon)
    assert (worked_on(upload).state, upload.attempts) == ("checking", 0)
    IncomingUpload.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert worked_on(upload).state == "proposed"


def test_state_is_told_in_the_language_of_the_sender(owner, cohort, client_of) -> None:
    client = client_of(owner)
    client.cookies["language"] = "de"
    upload = worked_on(sent(client, cohort, zipped({"a.dcm": b"words"})))
    (refused,) = preview_told(upload).others
    assert refused.message.startswith("Die Datei ist kein lesbares Bild.")


def test_volume_of_a_file_of_several_is_said_with_the_upload(owner, cohort, client_of) -> None:
    client, data = client_of(owner), four_dimensional()
    upload = worked_on(sent(client, cohort, data, filename="a.nii", volume="2"))
    (proposed,) = preview_told(upload).cases
    client.post(reverse("cases:incoming-create", args=[upload.pk]), {"case": proposed.key})
    worked_on(upload)
    assert sorted(Image.objects.values_list("frame", flat=True)) == [3, 4, 5]
    refused = preview_told(worked_on(sent(client, cohort, data + b"\0", filename="b.nii"))).others
    assert "from 1 to 3" in refused[0].message
    wrong = begin(client, cohort, data, volume="0")
    assert wrong.status_code == 400
    assert "Give one whole number from 1 to 32767." in wrong.content.decode()
