"""Reports sent into the study that the pictures came from: where the cohort may keep what names it, and
nothing of it anywhere else.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from highdicom.sr import srread
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage

from cases.deletion.acts import Why, delete
from cases.deletion.targets import Target
from cases.exchange.delivery import queue_final, send_to
from cases.exchange.sendings import choose_rules, send_case
from cases.intake.originals import choose_originals, opened, rotate
from cases.intake.uploads import submit_series
from cases.lifecycle import DeletionKind, DeletionReason, SendingMoment, Verdict
from cases.models import AuditEvent, Case, Image, OriginalReference, Review, Sending
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from cases.worklist.moving import Move
from tests.cases.exchange.archives import Archive, dicomweb
from tests.cases.export.dicom.validator import all_errors, needs_validator
from tests.cases.intake.hospital import files, slice_file
from tests.cases.intake.test_deidentification import everything_kept
from tests.inference.test_dicom import enhanced

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]
STUDY, SERIES, INSTANCE = "1.2.3.8675309.1", "1.2.3.8675309.2", "1.2.3.8675309.3"
PATIENT, ISSUER = "MRN-90210", "St. Ottilien"
SECRETS = ("8675309", PATIENT, ISSUER, "ZWACKELMANN")
NAMED = {
    "StudyInstanceUID": STUDY,
    "SeriesInstanceUID": SERIES,
    "PatientID": PATIENT,
    "IssuerOfPatientID": ISSUER,
    "PatientName": "ZWACKELMANN^Z",
}
# Seen from the head, the left ear first: it is turned upside down and mirrored to be read.
UPSIDE_DOWN = ((-1, 0, 0), (0, -1, 0))
RECTANGLE = {"image": 0, "kind": "rectangle", "x0": 4, "y0": 8, "x1": 20, "y1": 30}


@pytest.fixture
def archive(settings) -> Iterator[Archive]:
    with dicomweb() as found:
        settings.DICOM_DESTINATIONS = [f"archive=http://127.0.0.1:{found.port}"]
        settings.ORIGINALS_KEYS = [Fernet.generate_key().decode()]
        yield found


@pytest.fixture
def keeps(archive, administrator, cohort) -> None:
    """The cohort keeps what names originals, and sends by itself."""
    choose_originals(by=administrator, cohort=cohort, keeps=True)
    choose_rules(by=administrator, cohort=cohort, moments={"archive": SendingMoment.FINAL})
    cohort.refresh_from_db()


@pytest.fixture
def read_case(owner, cohort, colleague, analyse_as, review_as):
    """Take files in as a case, and read it."""

    def make(*datas: bytes, **said: Any) -> Case:
        receipts = submit_series(by=owner, cohort=cohort, files=files(*datas))
        case = receipts[0].case
        assert case is not None, receipts
        for image in case.images.all():
            analyse_as(case, position=image.position)
        review_as(colleague, case, **said)
        return Case.objects.select_related("cohort").get(pk=case.pk)

    return make


def one_slice(plane: Any = UPSIDE_DOWN, **elements: Any) -> bytes:
    return slice_file(0, plane=plane, **NAMED | {"SOPInstanceUID": INSTANCE} | elements)


def sent(archive: Archive) -> list[Dataset]:
    assert queue_final() == 1
    assert send_to("archive") == 1
    assert Sending.objects.latest("created_at").state == "sent"
    return archive.instances


def report_of(instance: Dataset) -> Any:
    stream = io.BytesIO()
    instance.save_as(stream, enforce_file_format=True)
    stream.seek(0)
    return srread(stream)


def referenced(instance: Dataset) -> set[tuple[str, str, str, str]]:
    """Study, series, class and instance of what a report refers to."""
    return {
        (
            study.StudyInstanceUID,
            series.SeriesInstanceUID,
            item.ReferencedSOPClassUID,
            item.ReferencedSOPInstanceUID,
        )
        for study in instance.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }


# --- What arrives --------------------------------------------------------------------------------


def test_case_arrives_in_the_original_study_and_refers_to_the_original_picture(
    keeps, archive, read_case
) -> None:
    case = read_case(one_slice(), region=RECTANGLE)
    picture, drawing, network, read = sent(archive)
    for instance in (picture, drawing, network, read):
        assert instance.StudyInstanceUID == STUDY
        assert (instance.PatientID, instance.IssuerOfPatientID) == (PATIENT, ISSUER)
        assert not instance.PatientName
        assert instance.PatientIdentityRemoved == "NO"
        assert "DeidentificationMethod" not in instance
        assert instance.SeriesNumber > 9000
        assert instance.SeriesInstanceUID != SERIES
        assert instance.SOPInstanceUID.startswith("2.25.")
        assert case.code not in str(instance.PatientID)
        assert "ZWACKELMANN" not in instance.to_json()
    (source,) = picture.SourceImageSequence
    assert (source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID) == (MRImageStorage, INSTANCE)
    assert "ReferencedFrameNumber" not in source
    assert drawing.SourceImageSequence[0].ReferencedSOPInstanceUID == picture.SOPInstanceUID
    original = (STUDY, SERIES, MRImageStorage, INSTANCE)
    drawn = (STUDY, drawing.SeriesInstanceUID, drawing.SOPClassUID, drawing.SOPInstanceUID)
    assert referenced(read) == {original}
    assert referenced(network) == {original, drawn}


@needs_validator
def test_validator_finds_no_error_in_what_arrives(keeps, archive, read_case, colleague, tmp_path) -> None:
    case = read_case(one_slice(), region=RECTANGLE)
    assert all_errors(sent(archive), tmp_path) == []
    archive.instances.clear()
    review = Review.objects.get(case=case)
    read = ReadInput("pituitary", 5, "", verdict=Verdict.DISAGREE)
    amend_review(by=colleague, review=review, read=read, reason="Second look")
    *_, amended = sent(archive)
    assert "PredecessorDocumentsSequence" in amended
    assert all_errors([amended], tmp_path) == []


def test_region_lies_in_the_pixels_of_the_file(keeps, archive, read_case) -> None:
    """The file has 40 rows and 48 columns, and is turned by half a circle to be read."""
    read_case(one_slice(), region=RECTANGLE)
    (group,) = report_of(sent(archive)[3]).content.get_planar_roi_measurement_groups()
    region = group.roi
    assert region.value.tolist() == [[44, 32], [28, 32], [28, 10], [44, 10], [44, 32]]
    reference = region.ContentSequence[0].ReferencedSOPSequence[0]
    assert reference.ReferencedSOPInstanceUID == INSTANCE


def test_pixels_that_were_drawn_anew_lead_back_to_those_of_the_file(keeps, archive, read_case) -> None:
    """Rows twice as far apart as columns: the picture has twice as many, and an ellipse its other axis."""
    ellipse = {"image": 0, "kind": "ellipse", "x0": 10, "y0": 8, "x1": 30, "y1": 38}
    case = read_case(one_slice(plane=((1, 0, 0), (0, 1, 0)), PixelSpacing=[2, 1]), region=ellipse)
    image = case.images.get()
    assert (image.width, image.height) == (48, 80)
    (group,) = report_of(sent(archive)[3]).content.get_planar_roi_measurement_groups()
    assert group.roi.value.tolist() == [[10, 11.5], [30, 11.5], [20, 4], [20, 19]]


def test_frame_of_a_file_of_many_is_named(keeps, archive, read_case) -> None:
    data = enhanced([1, 2], SOPInstanceUID=INSTANCE, SOPClassUID=EnhancedMRImageStorage, **NAMED)
    case = read_case(data, region=RECTANGLE | {"image": 1})
    assert case.images.count() == 2
    by_kind = {each.SeriesDescription.split(",")[0]: each for each in sent(archive)}
    (group,) = report_of(by_kind["Read"]).content.get_planar_roi_measurement_groups()
    reference = group.roi.ContentSequence[0].ReferencedSOPSequence[0]
    assert (reference.ReferencedSOPInstanceUID, int(reference.ReferencedFrameNumber)) == (INSTANCE, 2)
    assert referenced(by_kind["Read"]) == {(STUDY, SERIES, EnhancedMRImageStorage, INSTANCE)}
    captured = [each for each in archive.instances if each.SeriesDescription.startswith("Picture")]
    assert [int(each.SourceImageSequence[0].ReferencedFrameNumber) for each in captured] == [1, 2]


@pytest.mark.parametrize(
    "elements",
    [
        {"StudyInstanceUID": "../../etc"},
        {"SOPInstanceUID": "1.2.03"},
        {"SeriesInstanceUID": "1." + "2" * 64},
        {"PatientID": "a\x1bb"},
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR", "ignore:The value length")
def test_what_is_no_identifier_is_not_kept_and_the_case_is_sent_as_a_study_of_its_own(
    elements, keeps, archive, read_case
) -> None:
    case = read_case(one_slice(**elements))
    assert OriginalReference.objects.count() == 0
    assert {each.PatientID for each in sent(archive)} == {case.code}


# --- Where it is off -----------------------------------------------------------------------------


def test_cohort_that_keeps_nothing_sends_a_study_of_its_own(
    archive, administrator, cohort, read_case
) -> None:
    choose_rules(by=administrator, cohort=cohort, moments={"archive": SendingMoment.FINAL})
    case = read_case(one_slice())
    assert OriginalReference.objects.count() == 0
    for instance in sent(archive):
        assert instance.PatientID == case.code
        assert instance.PatientIdentityRemoved == "YES"
        assert STUDY not in instance.to_json()
        assert PATIENT not in instance.to_json()


@pytest.mark.usefixtures("keeps")
def test_ending_it_deletes_what_was_kept_and_deleting_or_moving_a_case_does_too(
    archive, administrator, cohort, other_cohort, read_case, owner, make_person
) -> None:
    case = read_case(one_slice())
    moved = submit_series(by=owner, cohort=cohort, files=files(slice_file(9, **NAMED)))[0].case
    shown = submit_series(
        by=owner, cohort=cohort, files=files(slice_file(20, BurnedInAnnotation="YES", **NAMED))
    )[0].case
    assert OriginalReference.objects.count() == 3
    delete(Target(DeletionKind.CASE, cohort, shown), Why(DeletionReason.NAME_SHOWN, by=administrator))
    assert OriginalReference.objects.count() == 2
    root = make_person("root")
    type(root).objects.filter(pk=root.pk).update(is_superuser=True)
    root.refresh_from_db()
    move(root, moved, other_cohort)
    assert Image.objects.get(case=moved).cohort == other_cohort
    assert OriginalReference.objects.get().image.case == case
    assert choose_originals(by=administrator, cohort=cohort, keeps=False)
    assert OriginalReference.objects.count() == 0
    assert not choose_originals(by=administrator, cohort=cohort, keeps=False)
    events = AuditEvent.objects.filter(action="cohort.originals").order_by("at")
    assert [(each.actor, each.details) for each in events] == [
        (administrator, {"keeps": True}),
        (administrator, {"keeps": False}),
    ]
    assert {each.PatientID for each in sent(archive)} == {case.code}


def move(by, case: Case, to) -> None:
    Move(to).carry_out(by, [case])


# --- Where it may not be -------------------------------------------------------------------------


@pytest.mark.usefixtures("keeps")
def test_nothing_of_it_is_readable_anywhere_but_in_what_is_sent(
    archive, read_case, administrator, exporter, cohort, client_of, api_of, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    case = read_case(one_slice(), slice_file(3, SOPInstanceUID=f"{INSTANCE}.1", plane=UPSIDE_DOWN, **NAMED))
    assert OriginalReference.objects.count() == 2
    sent(archive)
    names_nobody(everything_kept())
    names_nobody(caplog.text)
    client, script = client_of(administrator), api_of(exporter)
    study = f"/api/v1/dicomweb/{cohort.pk}/studies"
    for address in (
        f"/cases/{case.code}/",
        f"/cases/{case.code}/dicom.zip",
        "/cases/",
        f"/dashboard/sendings/?cohort={cohort.pk}",
    ):
        names_nobody(body_of(client.get(address)))
    for address in (f"/api/v1/cases/{case.code}/dicom/", "/api/v1/reviewed-cases/?format=csv"):
        names_nobody(body_of(script.get(address)))
    names_nobody(body_of(api_of(administrator).get(study)))
    with_uid = api_of(administrator).get(f"{study}?StudyInstanceUID={STUDY}")
    assert with_uid.json() == []


def names_nobody(text: str) -> None:
    assert [secret for secret in SECRETS if secret in text] == []


def body_of(response: Any) -> str:
    assert response.status_code == 200
    return (response.getvalue() if response.streaming else response.content).decode("latin-1")


# --- Keys ----------------------------------------------------------------------------------------


def test_keys_are_rotated_and_the_old_one_opens_nothing_any_more(keeps, read_case, settings, capsys) -> None:
    read_case(one_slice())
    (old,) = settings.ORIGINALS_KEYS
    new = Fernet.generate_key().decode()
    settings.ORIGINALS_KEYS = [new, old]
    call_command("rotate_originals")
    assert capsys.readouterr().out == "1 references are encrypted with the first key.\n"
    settings.ORIGINALS_KEYS = [new]
    found = opened(OriginalReference.objects.get())
    assert (found.patient, found.issuer, found.study) == (PATIENT, ISSUER, STUDY)
    assert (found.frame, found.rows, found.columns, found.way) == (0, 40, 48, (False, True, True))
    settings.ORIGINALS_KEYS = [old]
    with pytest.raises(CommandError, match="Put the new key first"):
        call_command("rotate_originals")
    settings.ORIGINALS_KEYS = []
    with pytest.raises(CommandError, match="ORIGINALS_KEYS has no key"):
        call_command("rotate_originals")


def test_case_whose_key_is_missing_waits_and_is_not_sent_as_another_study(
    keeps, archive, read_case, administrator, settings, caplog
) -> None:
    case = read_case(one_slice())
    settings.ORIGINALS_KEYS = [Fernet.generate_key().decode()]
    (sending,) = send_case(by=administrator, case=case)
    assert send_to("archive") == 1
    sending.refresh_from_db()
    assert (sending.state, sending.answer) == ("waiting", {"code": "key_missing"})
    assert archive.requests == []
    assert "ORIGINALS_KEYS lacks the key" in caplog.text


def test_rotation_of_nothing_is_nothing(db, settings) -> None:
    settings.ORIGINALS_KEYS = [Fernet.generate_key().decode()]
    assert rotate() == 0


# --- The page ------------------------------------------------------------------------------------


def test_administrator_chooses_on_the_page_where_there_is_a_key(
    archive, administrator, colleague, cohort, client_of, settings
) -> None:
    client, page = client_of(administrator), f"/dashboard/sendings/?cohort={cohort.pk}"
    given = {"cohort": str(cohort.pk), "keeps": "yes"}
    assert "Keep it from now on" in client.get(page).content.decode()
    assert client_of(colleague).post("/dashboard/sendings/originals/", given).status_code == 403
    client.post("/dashboard/sendings/originals/", given)
    cohort.refresh_from_db()
    assert cohort.keeps_originals
    assert "Keep it no more, and delete it" in client.get(page).content.decode()
    client.post("/dashboard/sendings/originals/", given | {"keeps": "no"})
    cohort.refresh_from_db()
    assert not cohort.keeps_originals
    settings.ORIGINALS_KEYS = []
    assert "Keep it from now on" not in client.get(page).content.decode()
    answer = client.post("/dashboard/sendings/originals/", given, follow=True)
    assert "The operator has given no key for this" in answer.content.decode()
    cohort.refresh_from_db()
    assert not cohort.keeps_originals
