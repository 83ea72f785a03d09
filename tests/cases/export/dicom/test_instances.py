"""The instances of a reviewed case, read back by pydicom and highdicom, and looked over by dciodvfy."""

import io
import zipfile

import numpy as np
import pytest
from highdicom.sr import srread
from pydicom import Dataset, dcmread

from cases.export.dicom.archive import instances_of, zipped
from cases.export.dicom.drawings import DISCLAIMER
from cases.export.dicom.facts import facts_of
from cases.export.dicom.regions import graphics_of
from cases.lifecycle import Verdict
from cases.models import Adjudication, Case, Image, ModelVersion, Prediction, Review
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from cases.viewer.images import pixels_of
from tests.cases.export.dicom.validator import errors_in, needs_validator

SECONDARY_CAPTURE, ENHANCED_SR = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.88.22"
RECTANGLE = {"image": 0, "kind": "rectangle", "x0": 4, "y0": 8.5, "x1": 20, "y1": 30}
ELLIPSE = {"image": 0, "kind": "ellipse", "x0": 10, "y0": 8, "x1": 20, "y1": 40}
BRUSH = {"image": 0, "kind": "brush", "runs": [[0, 3], [64, 3], [640, 1]]}


def files_of(case: Case) -> dict[str, bytes]:
    facts = facts_of(Case.objects.get(pk=case.pk))
    assert facts is not None
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped(instances_of(facts))))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def read(files: dict[str, bytes]) -> dict[str, Dataset]:
    return {name: dcmread(io.BytesIO(data)) for name, data in files.items()}


def report(files: dict[str, bytes], name: str):
    return srread(io.BytesIO(files[name]))


def groups_of(document) -> list:
    return document.content.get_image_measurement_groups()


def marked(document) -> list:
    return document.content.get_planar_roi_measurement_groups()


@pytest.fixture
def marked_case(ready_case, colleague, review_as) -> Case:
    review_as(colleague, ready_case, corrected="meningioma", comment="Mrs Miller", region=RECTANGLE)
    return ready_case


def test_case_becomes_captures_and_reports_of_one_study(marked_case) -> None:
    found = read(files_of(marked_case))
    assert list(found) == ["picture-1.dcm", "heat-map-1.dcm", "network.dcm", "read-1.dcm"]
    classes = [SECONDARY_CAPTURE, SECONDARY_CAPTURE, ENHANCED_SR, ENHANCED_SR]
    assert [str(each.SOPClassUID) for each in found.values()] == classes
    assert {each.PatientID for each in found.values()} == {marked_case.code}
    assert {str(each.PatientName) for each in found.values()} == {f"{marked_case.code}^"}
    assert len({each.StudyInstanceUID for each in found.values()}) == 1
    assert len({each.SeriesInstanceUID for each in found.values()}) == 4
    assert all(each.SOPInstanceUID.startswith("2.25.") for each in found.values())
    assert all("research use only" in each.SeriesDescription for each in found.values())
    assert {each.PatientIdentityRemoved for each in found.values()} == {"YES"}


def test_picture_keeps_its_pixels_over_a_strip_of_words(marked_case) -> None:
    picture = read(files_of(marked_case))["picture-1.dcm"]
    image = Image.objects.get(case=marked_case)
    assert (picture.PhotometricInterpretation, picture.Columns) == ("MONOCHROME2", 256)
    assert picture.Rows > image.height
    np.testing.assert_array_equal(picture.pixel_array[: image.height, : image.width], pixels_of(image))
    assert picture.pixel_array[: image.height, image.width :].max() == 0
    assert picture.pixel_array[image.height :].max() == 255
    assert (picture.BurnedInAnnotation, picture.ImageComments) == ("NO", DISCLAIMER)
    assert "PatientOrientation" in picture
    assert not picture.PatientOrientation


def test_drawing_names_the_picture_as_its_source(marked_case) -> None:
    found = read(files_of(marked_case))
    drawing = found["heat-map-1.dcm"]
    (source,) = drawing.SourceImageSequence
    assert source.ReferencedSOPInstanceUID == found["picture-1.dcm"].SOPInstanceUID
    assert (drawing.PhotometricInterpretation, drawing.pixel_array.shape[2]) == ("RGB", 3)
    assert drawing.DerivationDescription == "Heat map of the network test-cnn-1 over the picture"


def test_simulated_case_says_so(marked_case) -> None:
    plain = read(files_of(marked_case))
    Case.objects.filter(pk=marked_case.pk).update(is_simulated=True)
    simulated = read(files_of(marked_case))
    assert all(each.SeriesDescription.endswith(", SIMULATED CASE") for each in simulated.values())
    # The strip has a line more.
    assert simulated["picture-1.dcm"].Rows == plain["picture-1.dcm"].Rows + 16


def test_spacing_and_sides_of_the_picture_are_told_where_they_are_known(marked_case) -> None:
    geometry = {"right": [1, 0, 0], "down": [0, 1, 0], "spacing": [0.5, 0.75]}
    Image.objects.filter(case=marked_case).update(geometry=geometry)
    picture = read(files_of(marked_case))["picture-1.dcm"]
    assert [float(each) for each in picture.NominalScannedPixelSpacing] == [0.5, 0.75]
    assert list(picture.PatientOrientation) == ["L", "P"]


def test_network_report_is_preliminary_and_unverified(marked_case) -> None:
    files = files_of(marked_case)
    found = read(files)
    document = report(files, "network.dcm")
    flags = (document.CompletionFlag, document.PreliminaryFlag, document.VerificationFlag)
    assert flags == ("COMPLETE", "PRELIMINARY", "UNVERIFIED")
    (group,) = groups_of(document)
    finding = group.finding_type
    assert (finding.value, finding.scheme_designator, finding.meaning) == (
        "glioma",
        "99SECONDREAD",
        "Suspected glioma",
    )
    told = {each.name.value: (each.value, each.unit.value) for each in group.get_measurements()}
    assert told == {
        "111012": (70.0, "%"),
        "p-glioma": (70.0, "%"),
        "p-meningioma": (10.0, "%"),
        "p-notumor": (10.0, "%"),
        "p-pituitary": (10.0, "%"),
    }
    sources = {each.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for each in group.source_images}
    assert sources == {found[name].SOPInstanceUID for name in ("picture-1.dcm", "heat-map-1.dcm")}
    text = found["network.dcm"].to_json()
    version = ModelVersion.objects.get()
    for words in ("Algorithm Name", "Algorithm Version", "test-cnn-1", version.weights_sha256, "Device"):
        assert words in text
    assert "Artificial Intelligence" in text


def test_read_report_names_class_verdict_and_region_by_an_id(marked_case, colleague) -> None:
    files = files_of(marked_case)
    document = report(files, "read-1.dcm")
    assert (document.PreliminaryFlag, document.VerificationFlag) == ("FINAL", "VERIFIED")
    (observer,) = document.VerifyingObserverSequence
    assert str(observer.VerifyingObserverName) == f"Reader^{colleague.pk}"
    (group,) = groups_of(document)
    assert (group.finding_type.value, group.finding_type.meaning) == ("meningioma", "Suspected meningioma")
    told = {each.name.value: each.value.value for each in group.get_qualitative_evaluations()}
    assert told == {"confidence": "confidence-4", "verdict": "verdict-disagree"}
    (region,) = marked(document)
    assert region.finding_type.value == "meningioma"
    assert region.roi.value.tolist() == [[4, 8.5], [20, 8.5], [20, 30], [4, 30], [4, 8.5]]
    picture = read(files)["picture-1.dcm"]
    assert picture.SOPInstanceUID in str(region)
    everything = "".join(str(each) for each in read(files).values())
    for name in ("Miller", colleague.email, colleague.full_name):
        assert name not in everything


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (ELLIPSE, [("ELLIPSE", [[15, 8], [15, 40], [10, 24], [20, 24]])]),
        (
            BRUSH,
            [
                ("POLYLINE", [[0, 0], [3, 0], [3, 2], [0, 2], [0, 0]]),
                ("POLYLINE", [[0, 10], [1, 10], [1, 11], [0, 11], [0, 10]]),
            ],
        ),
    ],
)
def test_ellipse_and_brush_are_graphics_of_one_tracked_thing(
    region, expected, ready_case, colleague, review_as
) -> None:
    review_as(colleague, ready_case, region=region)
    found = marked(report(files_of(ready_case), "read-1.dcm"))
    assert [(each.roi.graphic_type.value, each.roi.value.tolist()) for each in found] == expected
    assert len({each.tracking_uid for each in found}) == 1


def test_same_case_gives_the_same_bytes(marked_case) -> None:
    assert files_of(marked_case) == files_of(marked_case)


def test_uids_are_of_the_portals_key(marked_case, settings) -> None:
    before = {each.SOPInstanceUID for each in read(files_of(marked_case)).values()}
    settings.PSEUDONYM_KEY = "another key"
    assert before.isdisjoint({each.SOPInstanceUID for each in read(files_of(marked_case)).values()})


def test_readers_who_differ_are_verified_by_nobody_and_the_adjudicator_by_the_decision(
    cohort, ready_case, colleague, second, referee, review_as
) -> None:
    type(cohort).objects.filter(pk=cohort.pk).update(readers_required=2)
    review_as(colleague, ready_case, corrected="meningioma")
    review_as(second, ready_case)
    before = files_of(ready_case)
    assert [report(before, f"read-{n}.dcm").VerificationFlag for n in (1, 2)] == ["UNVERIFIED"] * 2
    Adjudication.objects.create(
        case=ready_case, adjudicator=referee, final_class="pituitary", confidence=5, region=RECTANGLE
    )
    files = files_of(ready_case)
    assert list(files)[3:] == ["read-1.dcm", "read-2.dcm", "adjudication.dcm"]
    flags = [report(files, name).VerificationFlag for name in list(files)[3:]]
    assert flags == ["UNVERIFIED", "UNVERIFIED", "VERIFIED"]
    decision = report(files, "adjudication.dcm")
    assert groups_of(decision)[0].finding_type.meaning == "Suspected pituitary tumour"
    assert len(marked(decision)) == 1


def test_verified_report_has_another_uid_than_the_same_read_unverified(marked_case) -> None:
    verified = read(files_of(marked_case))["read-1.dcm"].SOPInstanceUID
    Case.objects.filter(pk=marked_case.pk).update(state="closed")
    unverified = read(files_of(marked_case))["read-1.dcm"]
    assert unverified.VerificationFlag == "UNVERIFIED"
    assert unverified.SOPInstanceUID != verified


def test_first_read_stands_beside_the_final_one(blinded, ready_case, colleague, commit_as, review_as) -> None:
    commit_as(colleague, ready_case)
    review_as(colleague, ready_case)
    Case.objects.filter(pk=ready_case.pk).update(state="reviewed")
    found = groups_of(report(files_of(ready_case), "read-1.dcm"))
    assert [each.tracking_identifier for each in found] == ["Blinded first read", "Final read"]


def test_refused_picture_has_no_class_no_probability_and_no_drawing(
    submit, analyse_as, colleague, review_as
) -> None:
    case = submit()
    analyse_as(case, gate_verdict="refused", gate_distance=9.0)
    review_as(colleague, case, corrected="unreadable")
    files = files_of(case)
    assert list(files) == ["picture-1.dcm", "network.dcm", "read-1.dcm"]
    (group,) = groups_of(report(files, "network.dcm"))
    assert (group.finding_type.value, group.get_measurements()) == ("refused", [])
    assert "glioma" not in str(read(files)["network.dcm"])
    assert groups_of(report(files, "read-1.dcm"))[0].finding_type.meaning == "Not readable"


def test_no_finding_is_not_suspected_and_words_of_another_finding_stay_here(
    submit, analyse_as, colleague, review_as
) -> None:
    case = submit()
    analyse_as(case, "notumor")
    review_as(colleague, case, corrected="other", other_finding="Mr Smith's abscess")
    files = files_of(case)
    assert groups_of(report(files, "network.dcm"))[0].finding_type.meaning == "No tumour"
    assert groups_of(report(files, "read-1.dcm"))[0].finding_type.meaning == "Other finding"
    assert "Smith" not in str(read(files)["read-1.dcm"])


def test_only_pictures_that_something_is_said_of_are_told(
    submit_many, analyse_as, colleague, review_as
) -> None:
    case = submit_many(4)
    for position in range(4):
        analyse_as(case, "glioma" if position == 2 else "notumor", position=position)
    review_as(colleague, case, region=RECTANGLE | {"image": 1})
    files = files_of(case)
    assert list(files) == ["picture-2.dcm", "picture-3.dcm", "heat-map-3.dcm", "network.dcm", "read-1.dcm"]
    document = report(files, "read-1.dcm")
    found = read(files)
    assert found["picture-2.dcm"].SOPInstanceUID in str(marked(document)[0])
    assert found["picture-3.dcm"].SOPInstanceUID in str(groups_of(document)[0])


def test_long_words_of_a_network_are_cut_where_a_letter_ends(marked_case) -> None:
    version = ModelVersion.objects.get()
    version.manifest["classes"][0] |= {"labels": {"en": "Ö" * 60}}
    version.save()
    (group,) = groups_of(report(files_of(marked_case), "network.dcm"))
    # 10 bytes of "Suspected ", and two a letter.
    assert group.finding_type.meaning == "Suspected ö" + "Ö" * 26


def test_border_of_many_corners_is_thinned_and_stays_closed() -> None:
    comb = [[row * 4, 3 if row % 2 else 1] for row in range(9000)]
    (graphic,) = graphics_of(BRUSH | {"runs": comb}, 4, 9000)
    # Some 18,000 corners, of which every third is kept.
    assert len(graphic.points) == 6002
    assert graphic.points[0].tolist() == graphic.points[-1].tolist() == [0, 0]


def test_strokes_of_many_parts_say_how_many_there_are() -> None:
    dots = [[column, 1] for column in range(0, 300, 2)]
    found = graphics_of(BRUSH | {"runs": dots}, 300, 1)
    assert (len(found), found[0].name, found[-1].name) == (100, ", part 1 of 150", ", part 100 of 150")


def test_case_that_nobody_read_has_nothing_to_tell(ready_case) -> None:
    assert facts_of(ready_case) is None


@needs_validator
def test_validator_finds_no_error(blinded, submit, analyse_as, colleague, commit_as, tmp_path) -> None:
    case = submit()
    analyse_as(case)
    commit_as(colleague, case)
    prediction = Prediction.objects.get(image__case=case)
    Review.objects.create(
        case=case,
        prediction=prediction,
        reader=colleague,
        verdict="disagree",
        final_class="meningioma",
        confidence=4,
        region=BRUSH,
    )
    Adjudication.objects.create(
        case=case, adjudicator=colleague, final_class="pituitary", confidence=5, region=ELLIPSE
    )
    Case.objects.filter(pk=case.pk).update(state="reviewed", is_simulated=True)
    for name, data in files_of(case).items():
        (tmp_path / name).write_bytes(data)
        assert errors_in(tmp_path / name) == [], name


def test_amended_report_names_the_one_before_it_where_the_case_was_over_by_then(
    ready_case, cohort, colleague, second, review_as, under_protocol
) -> None:
    under_protocol(readers_required=2)
    first = review_as(colleague, ready_case, corrected="meningioma")
    amended = amend(colleague, first, "pituitary")
    review_as(second, ready_case, corrected="pituitary")
    # While the case waited for its second reader nobody had a report of it.
    assert {name: predecessors(each) for name, each in read(files_of(ready_case)).items()} == {
        "picture-1.dcm": [],
        "heat-map-1.dcm": [],
        "network.dcm": [],
        "read-1.dcm": [],
        "read-2.dcm": [],
    }
    verified = read(files_of(ready_case))["read-1.dcm"]
    assert verified.VerificationFlag == "VERIFIED"
    amend(colleague, amended, "meningioma")
    found = {str(each.ContentDate + each.ContentTime): each for each in read(files_of(ready_case)).values()}
    newest = found[max(found)]
    assert newest.VerificationFlag == "UNVERIFIED"
    (series,) = newest.PredecessorDocumentsSequence[0].ReferencedSeriesSequence
    assert series.SeriesInstanceUID == verified.SeriesInstanceUID
    assert predecessors(newest) == [verified.SOPInstanceUID]


def amend(reader, review: Review, final_class: str) -> Review:
    read = ReadInput(final_class, 5, "", verdict=Verdict.DISAGREE)
    return amend_review(by=reader, review=review, read=read, reason="Second look")


def predecessors(instance: Dataset) -> list[str]:
    return [
        item.ReferencedSOPInstanceUID
        for study in instance.get("PredecessorDocumentsSequence", [])
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    ]
