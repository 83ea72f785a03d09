"""Hospitals' files become cases by what they say themselves, whichever door they come in by."""

from __future__ import annotations

import io
import re

import nibabel as nib
import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from pydicom.uid import SecondaryCaptureImageStorage

from cases.analysis.model_versions import active_version
from cases.analysis.reanalysis import reanalyse
from cases.intake.quarantine import release
from cases.intake.receipts import Outcome
from cases.intake.uploads import add_images, submit_file, submit_series
from cases.models import AuditEvent, Case, Image, Job, Series
from cases.permissions import require_reader, visible_to
from cases.viewer.images import pixels_of
from tests.cases.intake.hospital import AXIAL, files, four_dimensional, slice_file, slice_pixels, zipped
from tests.cases.intake.test_uploads import stored_files
from tests.cast import make_png_bytes

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]
UPLOAD = "/cases/upload/"


@pytest.fixture(autouse=True)
def own_storage(settings, tmp_path) -> None:
    default = settings.STORAGES["default"]
    own = default | {"OPTIONS": default["OPTIONS"] | {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"default": own}


def test_series_becomes_one_case_sorted_by_place(owner, cohort) -> None:
    heights = (6, 0, 9, 3)
    receipts = submit_series(
        by=owner,
        cohort=cohort,
        files=files(*(slice_file(z, InstanceNumber=number) for number, z in enumerate(heights))),
        is_one_case=False,
    )
    case = Case.objects.get()
    assert [(r.outcome, r.case, r.position) for r in receipts] == [
        (Outcome.RECEIVED, case, place) for place in (2, 0, 3, 1)
    ]
    images = list(case.images.order_by("position"))
    for image, z in zip(images, sorted(heights), strict=True):
        assert np.array_equal(pixels_of(image), slice_pixels(z * 10 + 7))
        assert image.geometry["position"] == [0, 0, z]
        assert image.geometry["spacing"] == [1, 1]
    assert Job.objects.filter(model_version=active_version()).count() == 4
    assert receipts[0].notices[0] == "4 images in one case."


def test_two_patients_two_orientations_and_web_pictures_are_cases_of_their_own(owner, cohort) -> None:
    given = files(
        slice_file(0),
        slice_file(3),
        slice_file(0, seed=50, PatientID="P2"),
        slice_file(9, plane=((1, 0, 0), (0, 0, -1))),
        make_png_bytes(),
    )
    receipts = submit_series(by=owner, cohort=cohort, files=given, is_one_case=False)
    assert len({receipt.case for receipt in receipts}) == 4
    assert receipts[0].case == receipts[1].case
    assert any("several patients" in notice for notice in receipts[2].notices)
    keys = Series.objects.values_list("patient_key", flat=True)
    assert len(set(keys)) == 2
    assert Case.objects.filter(series__isnull=True).count() == 1


def test_many_frames_and_volumes_are_cases_of_many_images(owner, cohort) -> None:
    volume = np.arange(40 * 44 * 33, dtype=np.uint16).reshape(40, 44, 33)
    receipt = submit_file(
        by=owner, cohort=cohort, file=ContentFile(nib.Nifti1Image(volume, np.diag([-1, -1, 3, 1])).to_bytes())
    )
    images = list(receipt.case.images.order_by("position"))
    assert [image.frame for image in images] == list(range(33))
    assert len({image.source_sha256 for image in images}) == 1
    assert np.array_equal(pixels_of(images[5]), volume[:, :, 5].T)
    again = submit_file(
        by=owner, cohort=cohort, file=ContentFile(nib.Nifti1Image(volume, np.diag([-1, -1, 3, 1])).to_bytes())
    )
    assert (again.outcome, again.case) == (Outcome.DUPLICATE, receipt.case)


def test_same_identifier_with_other_pixels_is_refused_and_with_the_same_found_again(owner, cohort) -> None:
    first = submit_file(by=owner, cohort=cohort, file=files(slice_file(0, SOPInstanceUID="1.2.3"))[0])
    before = stored_files()
    other = slice_file(0, seed=99, SOPInstanceUID="1.2.3")
    same = slice_file(0, SOPInstanceUID="1.2.3", EchoTime=5)
    refused, found = submit_series(by=owner, cohort=cohort, files=files(other, same))
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "instance_differs")
    assert first.case.code in refused.message
    assert (found.outcome, found.case) == (Outcome.DUPLICATE, first.case)
    assert (Case.objects.count(), stored_files()) == (1, before)


def test_duplicates_inside_one_upload_are_taken_once(owner, cohort) -> None:
    given = files(
        slice_file(0, SOPInstanceUID="1.1"),
        slice_file(3, SOPInstanceUID="1.2"),
        slice_file(3, SOPInstanceUID="1.2", EchoTime=5),
        slice_file(3, seed=1, SOPInstanceUID="1.2", EchoTime=6),
    )
    receipts = submit_series(by=owner, cohort=cohort, files=given)
    assert [(receipt.outcome.value, receipt.code) for receipt in receipts] == [
        ("received", "received"),
        ("received", "received"),
        ("duplicate", "slice_duplicate"),
        ("refused", "instance_differs"),
    ]
    assert Image.objects.count() == len(stored_files()) == 2


def test_gap_is_said_and_kept_with_the_series(owner, cohort) -> None:
    receipt, *_ = submit_series(
        by=owner, cohort=cohort, files=files(*(slice_file(z) for z in (0, 3, 6, 12, 15)))
    )
    assert "Between the slices others seem to be missing: about 1." in receipt.notices
    assert Series.objects.get().remarks == [["slices_missing", {"missing": 1}]]


@pytest.mark.parametrize("allowed", [False, True])
def test_other_modality_comes_in_where_the_cohort_allows_it(owner, cohort, allowed) -> None:
    cohort.takes_other_modalities = allowed
    cohort.save()
    receipt = submit_file(by=owner, cohort=cohort, file=files(slice_file(0, Modality="CT"))[0])
    assert receipt.outcome == (Outcome.RECEIVED if allowed else Outcome.REFUSED)
    assert receipt.code == ("received" if allowed else "modality_refused")
    assert len(stored_files()) == int(allowed)


def test_bad_slice_leaves_the_others_alone(owner, cohort) -> None:
    cut = slice_file(6)[:-500]
    receipts = submit_series(by=owner, cohort=cohort, files=files(slice_file(0), cut, slice_file(3)))
    assert [receipt.code for receipt in receipts] == ["received", "truncated", "received"]
    assert Image.objects.count() == len(stored_files()) == 2


def test_slices_of_the_same_series_are_added_and_others_refused(owner, cohort) -> None:
    case = submit_file(by=owner, cohort=cohort, file=files(slice_file(0))[0]).case
    (added,) = add_images(by=owner, case=case, files=files(slice_file(3)))
    assert (added.outcome, added.position) == (Outcome.RECEIVED, 1)
    for other in (slice_file(6, PatientID="P2"), slice_file(6, SeriesInstanceUID="9.9"), make_png_bytes()):
        (refused,) = add_images(by=owner, case=case, files=[ContentFile(other)])
        assert refused.code == "other_series"
    assert case.images.count() == len(stored_files()) == 2


# --- Volumes -------------------------------------------------------------------------------------


def test_volume_of_a_file_of_several_is_asked_for_and_each_can_be_a_case(owner, cohort) -> None:
    data = four_dimensional()

    def take_in(volume: int):
        (receipt,) = submit_series(by=owner, cohort=cohort, files=files(data), volume=volume)
        return receipt

    refused = take_in(0)
    assert refused.code == "several_volumes"
    assert "from 1 to 3" in refused.message
    assert take_in(4).code == "volume_missing"
    assert (Case.objects.count(), stored_files()) == (0, set())
    second, first = take_in(2), take_in(1)
    assert (second.outcome, first.outcome) == (Outcome.RECEIVED, Outcome.RECEIVED)
    assert second.case != first.case
    for receipt, number in ((second, 1), (first, 0)):
        images = list(receipt.case.images.order_by("position"))
        assert [image.frame for image in images] == [3 * number + place for place in range(3)]
        assert pixels_of(images[0]).min() == 1000 * number
    again = take_in(2)
    assert (again.outcome, again.case) == (Outcome.DUPLICATE, second.case)
    assert take_in(3).outcome == Outcome.RECEIVED


def test_lost_picture_of_a_chosen_volume_comes_back_alone(owner, cohort) -> None:
    data = four_dimensional()
    cases = [submit_series(by=owner, cohort=cohort, files=files(data), volume=n)[0].case for n in (1, 2)]
    lost = cases[1].images.get(position=1)
    default_storage.delete(lost.file)
    before = stored_files()
    (receipt,) = submit_series(by=owner, cohort=cohort, files=files(data), volume=2)
    assert (receipt.code, receipt.case) == ("restored", cases[1])
    assert stored_files() - before == {lost.file}


def test_form_and_rest_say_which_volume(owner, cohort, client_of, api_of) -> None:
    def sent(name: str) -> SimpleUploadedFile:
        return SimpleUploadedFile(name, four_dimensional())

    form = {"cohort": cohort.pk, "grouping": "separate"}
    client = client_of(owner)
    assert 'name="volume"' in client.get(UPLOAD).content.decode()
    page = client.post(UPLOAD, form | {"files": [sent("a.nii")]}).content.decode()
    assert "as “volume” from 1 to 3" in page
    client.post(UPLOAD, form | {"volume": "2", "files": [sent("a.nii")]})
    assert [image.frame for image in Image.objects.order_by("frame")] == [3, 4, 5]
    wrong = client.post(UPLOAD, form | {"volume": "0", "files": [sent("a.nii")]})
    assert wrong.status_code == 422
    rest = {"cohort": cohort.name, "volume": "3", "file": sent("a.nii")}
    assert api_of(owner).post("/api/v1/uploads/", rest, format="multipart").status_code == 201
    assert Image.objects.filter(frame__in=(6, 7, 8)).count() == 3


@pytest.mark.parametrize("volume", ["0", "x", "-1", "32768", "", "٣", "9" * 5000])
def test_volume_that_is_no_number_of_one_is_refused_over_rest(owner, cohort, api_of, volume) -> None:
    form = {"cohort": cohort.name, "volume": volume, "file": SimpleUploadedFile("a.nii", four_dimensional())}
    answer = api_of(owner).post("/api/v1/uploads/", form, format="multipart")
    assert answer.status_code == 400
    sentence = "Give one whole number from 1 to 32767." if volume else "Give one number."
    assert answer.json()["errors"] == {"volume": [sentence]}
    assert not Case.objects.exists()


# --- Quarantine ----------------------------------------------------------------------------------


def suspect(owner, cohort, **elements) -> Case:
    submit_file(by=owner, cohort=cohort, file=files(slice_file(0, **elements))[0])
    return Case.objects.get()


@pytest.mark.parametrize(
    ("elements", "is_held"),
    [
        ({"BurnedInAnnotation": "YES"}, True),
        ({"SOPClassUID": SecondaryCaptureImageStorage}, True),
        ({"SOPClassUID": SecondaryCaptureImageStorage, "BurnedInAnnotation": "NO"}, False),
        ({}, False),
    ],
)
def test_picture_that_may_show_a_name_is_quarantined(owner, cohort, elements, is_held) -> None:
    case = suspect(owner, cohort, **elements)
    assert case.is_quarantined is is_held
    assert AuditEvent.objects.filter(action="case.quarantined").count() == int(is_held)


def test_quarantined_case_is_the_administrators_alone_until_released(
    owner, colleague, administrator, cohort, client_of, api_of
) -> None:
    case = suspect(owner, cohort, BurnedInAnnotation="YES")
    page, picture = f"/cases/{case.code}/", f"/cases/{case.code}/base.png"
    for person in (owner, colleague):
        assert not visible_to(person).exists()
        for address in (page, picture):
            assert client_of(person).get(address).status_code == 404
        assert client_of(person).post(f"{page}release/").status_code == 404
    shown = client_of(administrator).get(page).content.decode()
    assert "Out of quarantine" in shown
    assert "never queued" not in shown
    assert case.code in client_of(administrator).get("/cases/").content.decode()
    assert case.code not in client_of(colleague).get("/cases/").content.decode()
    rest = f"/api/v1/cases/{case.code}/"
    assert api_of(administrator).get(rest).status_code == 200
    assert api_of(colleague).get(rest).status_code == 404
    with pytest.raises(Exception, match="quarantined"):
        require_reader(colleague, case)
    assert client_of(administrator).post(f"{page}release/").status_code == 302
    case.refresh_from_db()
    assert not case.is_quarantined
    assert client_of(colleague).get(page).status_code == 200
    assert "Out of quarantine" not in client_of(administrator).get(page).content.decode()
    assert AuditEvent.objects.filter(action="case.released", actor=administrator).count() == 1
    assert release(by=administrator, case=case) is False


def test_no_network_sees_what_is_in_quarantine(owner, administrator, cohort) -> None:
    case = suspect(owner, cohort, BurnedInAnnotation="YES")
    assert reanalyse(by=administrator, cohort=cohort).to_queue == 0
    assert Job.objects.count() == 0
    release(by=administrator, case=case)
    assert Job.objects.get().image.case == case


def test_administrator_deletes_a_case_that_shows_a_name_with_its_pictures(
    owner, colleague, administrator, cohort, client_of, django_capture_on_commit_callbacks
) -> None:
    case = suspect(owner, cohort, BurnedInAnnotation="YES")
    address = f"/dashboard/deletions/case/{case.code}/"
    assert client_of(colleague).post(address).status_code == 404
    assert len(stored_files()) == 1
    assert address in client_of(administrator).get(f"/cases/{case.code}/").content.decode()
    assert 'value="name_shown" selected' in client_of(administrator).get(address).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        client_of(administrator).post(address, {"reason": "name_shown"})
    case.refresh_from_db()
    assert (case.deleted_at is None, Series.objects.count(), stored_files()) == (False, 0, set())
    assert AuditEvent.objects.get(action="case.deleted").subject == str(case.pk)


def test_suspect_slice_is_added_to_no_open_case(owner, cohort) -> None:
    case = suspect(owner, cohort)
    (refused,) = add_images(by=owner, case=case, files=files(slice_file(3, BurnedInAnnotation="YES")))
    assert refused.code == "other_series"
    assert len(stored_files()) == 1


def test_quarantined_case_is_offered_to_no_reader(owner, colleague, cohort, client_of) -> None:
    from cases.worklist.reading_queue import next_case

    case = suspect(owner, cohort, BurnedInAnnotation="YES")
    Case.objects.update(key_class="glioma", key_probability=0.9)
    assert next_case(colleague) is None
    Case.objects.update(is_quarantined=False)
    assert next_case(colleague) == case


# --- Doors ---------------------------------------------------------------------------------------


def test_upload_page_makes_cases_of_a_zip(owner, cohort, client_of) -> None:
    archive = zipped({f"SCAN/IM{z}": slice_file(z) for z in (3, 0, 6)} | {"SCAN/DICOMDIR": b"x"})
    answer = client_of(owner).post(
        UPLOAD,
        {"cohort": cohort.pk, "grouping": "separate", "files": [SimpleUploadedFile("scan.zip", archive)]},
    )
    case = Case.objects.get()
    assert [image.geometry["position"][2] for image in case.images.order_by("position")] == [0, 3, 6]
    text = answer.content.decode()
    assert "3 files as one case" in text
    listed = re.findall(r"<li>(scan.zip/SCAN/IM\d)</li>", text)
    assert listed == [f"scan.zip/SCAN/IM{z}" for z in (0, 3, 6)]
    assert case.code in text


def test_rest_answers_for_every_file_of_an_archive(owner, cohort, api_of) -> None:
    archive = zipped({"a/1": slice_file(0), "a/2": slice_file(3), "a/notes.txt": b"not a picture"})
    files_sent = [SimpleUploadedFile("a.png", make_png_bytes()), SimpleUploadedFile("scan.zip", archive)]
    answer = api_of(owner).post("/api/v1/uploads/", {"cohort": cohort.name, "file": files_sent})
    assert answer.status_code == 201
    told = [(each["index"], each["outcome"], each["code"]) for each in answer.json()["receipts"]]
    assert told == [
        (0, "received", "received"),
        (1, "received", "received"),
        (1, "received", "received"),
        (1, "refused", "not_an_image"),
    ]
    assert Case.objects.count() == 2


def test_pair_of_nifti_is_one_volume(owner, cohort, client_of) -> None:
    image = nib.Nifti1Pair(np.arange(40 * 44 * 33, dtype=np.uint16).reshape(40, 44, 33), np.eye(4))
    streams = {name: nib.FileHolder(fileobj=io.BytesIO()) for name in ("header", "image")}
    image.to_file_map(streams)
    sent = [
        SimpleUploadedFile(f"brain.{suffix}", streams[name].fileobj.getvalue())
        for suffix, name in (("hdr", "header"), ("img", "image"))
    ]
    client_of(owner).post(UPLOAD, {"cohort": cohort.pk, "grouping": "separate", "files": sent})
    assert Case.objects.get().images.count() == 33


def test_orientation_of_the_stored_picture_is_radiological(owner, cohort) -> None:
    mirrored = submit_file(
        by=owner, cohort=cohort, file=files(slice_file(0, plane=((-1, 0, 0), AXIAL[1])))[0]
    ).case
    image = mirrored.images.get()
    assert np.array_equal(pixels_of(image), slice_pixels(7)[:, ::-1])
    assert "turned_radiological" in image.notices
