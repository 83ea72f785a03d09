"""WADO-RS: what is handed out, to whom, and that dicomweb-client reads it."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from django.core.files.base import ContentFile
from PIL import Image as Picture
from pydicom import dcmread
from pydicom.uid import MRImageStorage, SecondaryCaptureImageStorage
from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter

from cases import storage
from cases.exchange.qido import uid_of
from cases.intake.uploads import submit_series
from cases.models import Case, Image
from cases.viewer.images import pixels_of
from tests.cases.export.dicom.validator import all_errors, needs_validator
from tests.cases.intake.hospital import files, slice_file, slice_pixels
from tests.inference.dicoms import dicom
from tests.inference.test_dicom import enhanced

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]
PARTS = 'multipart/related; type="application/dicom"'


class Portal(BaseAdapter):
    """Answers a client's requests in this process."""

    def __init__(self, script: Any) -> None:
        super().__init__()
        self._script = script

    def send(self, request: PreparedRequest, **_options: Any) -> Response:  # type: ignore[override]
        path = str(request.url).removeprefix("http://portal")
        headers = {"Accept": request.headers.get("Accept", "*/*")}
        body = request.body or b""
        answer = self._script.generic(
            str(request.method), path, body, request.headers.get("Content-Type", ""), headers=headers
        )
        found = Response()
        found.status_code, found.url, found.request = answer.status_code, str(request.url), request
        found.headers.update(dict(answer.items()))
        found.raw = io.BytesIO(answer.getvalue())
        return found

    def close(self) -> None:
        pass


def client_to(script: Any, cohort: Any) -> DICOMwebClient:
    session = Session()
    session.mount("http://portal", Portal(script))
    return DICOMwebClient(f"http://portal/api/v1/dicomweb/{cohort.pk}", session=session)


@pytest.fixture
def case(owner, cohort) -> Case:
    """Three slices of a study of 2024, with names in it."""
    told = {
        "StudyDate": "20240517",
        "EchoTime": "90.5",
        "EchoTrainLength": 8,
        "ScanningSequence": ["SE", "IR"],
        "RescaleSlope": 2,
        "RescaleIntercept": -10,
        "WindowCenter": 1000,
        "WindowWidth": 400,
        "StudyInstanceUID": "1.2",
        "SeriesInstanceUID": "1.2.1",
        "PatientID": "P1-ZWACKELMANN",
    }
    made = submit_series(by=owner, cohort=cohort, files=files(*(slice_file(z, **told) for z in (0, 3, 6))))
    found = made[0].case
    assert found is not None
    return found


def uids_of(image: Image) -> tuple[str, str, str]:
    series = image.case.series
    return uid_of(series.study_key), uid_of(series.series_key), uid_of(image.instance_key)


def address(image: Image, levels: int = 3) -> str:
    names = ("studies", "series", "instances")
    path = "/".join(f"{name}/{uid}" for name, uid in zip(names[:levels], uids_of(image), strict=False))
    return f"/api/v1/dicomweb/{image.cohort_id}/{path}"


def test_dicomweb_client_finds_and_retrieves_a_series(case, colleague, cohort, api_of) -> None:
    client = client_to(api_of(colleague), cohort)
    (study,) = client.search_for_studies()
    study_uid = study["0020000D"]["Value"][0]
    (series,) = client.search_for_series(study_uid)
    series_uid = series["0020000E"]["Value"][0]
    images = list(case.images.order_by("position"))
    assert [each["00080018"]["Value"][0] for each in client.search_for_instances(study_uid, series_uid)] == [
        uids_of(image)[2] for image in images
    ]
    whole = client.retrieve_study(study_uid)
    assert [each.SOPInstanceUID for each in whole] == [uids_of(image)[2] for image in images]
    assert client.retrieve_series(study_uid, series_uid) == whole
    for image, instance in zip(images, whole, strict=True):
        np.testing.assert_array_equal(instance.pixel_array, pixels_of(image))
        assert instance == client.retrieve_instance(*uids_of(image))
        (frame,) = client.retrieve_instance_frames(*uids_of(image), frame_numbers=[1])
        assert frame == pixels_of(image).tobytes()
    headers = client.retrieve_study_metadata(study_uid)
    assert headers == client.retrieve_series_metadata(study_uid, series_uid)
    assert headers[1] == client.retrieve_instance_metadata(*uids_of(images[1]))
    for header, instance in zip(headers, whole, strict=True):
        del instance.PixelData
        assert header == instance.to_json_dict()


def test_found_things_say_where_they_are_retrieved(case, colleague, cohort, api_of) -> None:
    image = case.images.get(position=1)
    script = api_of(colleague)
    root = f"/api/v1/dicomweb/{cohort.pk}/studies"
    for levels, path in enumerate((root, f"{address(image, 1)}/series", f"{address(image, 2)}/instances"), 1):
        places = [each["00081190"]["Value"][0] for each in script.get(path).json()]
        assert f"http://testserver{address(image, levels)}" in places
        assert {script.get(place).status_code for place in places} == {200}


def test_instance_says_how_and_where_the_picture_was_taken_and_nothing_of_whom(
    case, colleague, api_of, tmp_path
) -> None:
    image = case.images.get(position=1)
    header = api_of(colleague).get(f"{address(image)}/metadata")
    assert header["Content-Type"] == "application/dicom+json"
    (told,) = header.json()
    values = {tag: element.get("Value") for tag, element in told.items()}
    assert values["00080016"] == [MRImageStorage]
    assert values["00100020"] == [case.series.patient_key]
    assert "Value" not in told["00100010"]
    assert values["00080020"] == [case.series.acquired_on.strftime("%Y%m%d")] != ["20240517"]
    assert (values["00180020"], values["00180021"], values["00180081"]) == (["SE", "IR"], ["NONE"], [90.5])
    assert values["00180091"] == [8]
    assert values["00200032"] == [0, 0, 3]
    assert values["00200037"] == [1, 0, 0, 0, 1, 0]
    assert (values["00280030"], values["00180050"]) == ([1, 1], [3])
    assert (values["00280010"], values["00280011"], values["00280100"]) == ([40], [48], [16])
    assert (values["00120062"], values["00280301"]) == (["YES"], ["NO"])
    slope, intercept = values["00281053"][0], values["00281052"][0]
    grey = int(pixels_of(image)[5, 7])
    stored = dcmread(io.BytesIO(slice_file(3))).pixel_array[5, 7]
    assert slope * grey + intercept == 2 * int(stored) - 10
    # Of modality values: as the file had them.
    assert (values["00281050"], values["00281051"]) == ([1000], [400])
    for secret in ("ZWACKELMANN", "20240517", "1.2.1", "Doe"):
        assert secret not in header.content.decode()


@needs_validator
def test_validator_finds_no_error(case, owner, cohort, colleague, api_of, tmp_path) -> None:
    # Of another one the direction is unknown.
    lost = dicom(slice_pixels(9), StudyInstanceUID="1.3", BitsStored=12, HighBit=11)
    assert submit_series(by=owner, cohort=cohort, files=files(lost))[0].case is not None
    client = client_to(api_of(colleague), cohort)
    images = Image.objects.order_by("case", "position")
    found = [client.retrieve_instance(*uids_of(image)) for image in images]
    kinds = {each.SOPClassUID for each in found}
    assert kinds == {MRImageStorage, SecondaryCaptureImageStorage}
    assert all_errors(found, tmp_path) == []


def test_each_frame_of_a_file_of_many_is_an_instance(owner, cohort, colleague, api_of) -> None:
    (receipt,) = submit_series(by=owner, cohort=cohort, files=[ContentFile(enhanced([1, 2, 3]))])
    images = list(receipt.case.images.order_by("position"))
    whole = client_to(api_of(colleague), cohort).retrieve_series(*uids_of(images[0])[:2])
    assert [each.SOPInstanceUID for each in whole] == [uids_of(image)[2] for image in images]
    for image, instance in zip(images, whole, strict=True):
        np.testing.assert_array_equal(instance.pixel_array, pixels_of(image))


@pytest.mark.parametrize("harm", [b"", b"not what was stored"])
def test_picture_that_is_gone_or_damaged_is_said_to_be_unreadable(harm, case, colleague, api_of) -> None:
    image = case.images.get(position=0)
    storage.discard(image.file)
    if harm:
        storage.default_storage.save(image.file, ContentFile(harm))
    for name, kind in (("rendered", "image/png"), ("frames/1", "*/*")):
        answer = api_of(colleague).get(f"{address(image)}/{name}", headers={"Accept": kind})
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


@pytest.mark.parametrize(
    ("accept", "media_type", "kind"),
    [
        ("*/*", "image/jpeg", "JPEG"),
        ("image/png", "image/png", "PNG"),
        ("image/jpeg", "image/jpeg", "JPEG"),
        ("image/png, image/jpeg;q=0.5", "image/png", "PNG"),
    ],
)
def test_picture_is_rendered_through_its_window(accept, media_type, kind, case, colleague, api_of) -> None:
    image = case.images.get(position=0)
    answer = api_of(colleague).get(f"{address(image)}/rendered", headers={"Accept": accept})
    assert (answer.status_code, answer["Content-Type"]) == (200, media_type)
    picture = Picture.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == (kind, (48, 40))
    shown = np.asarray(picture).astype(int)
    value = 2 * dcmread(io.BytesIO(slice_file(0))).pixel_array.astype(int) - 10
    if kind == "PNG":
        assert (shown[value < 800] == 0).all()
        assert (shown[value > 1200] == 255).all()


def test_client_has_a_picture_rendered_as_it_wants(case, colleague, cohort, api_of) -> None:
    client, image = client_to(api_of(colleague), cohort), case.images.get(position=0)
    wanted = {"window": "1500,800,linear-exact", "viewport": "16,20,10,5,-8,10"}
    content = client.retrieve_instance_rendered(*uids_of(image), media_types=("image/png",), params=wanted)
    picture = Picture.open(io.BytesIO(content))
    assert (picture.format, picture.size) == ("PNG", (16, 20))
    values = 2.0 * slice_pixels(7) - 10
    whole = client.retrieve_instance_rendered(
        *uids_of(image), media_types=("image/png",), params={"window": "1500,800,linear-exact"}
    )
    shown = np.asarray(Picture.open(io.BytesIO(whole)))
    assert np.array_equal(shown, np.rint(np.clip((values - 1500) / 800 + 0.5, 0, 1) * 255))
    sizes = [
        len(
            client.retrieve_instance_rendered(
                *uids_of(image), media_types=("image/jpeg",), params={"quality": quality}
            )
        )
        for quality in (10, 95)
    ]
    assert sizes[0] < sizes[1] / 2


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("window=1500,800", "Give centre, width and function"),
        ("window=1500,0,sigmoid", "the width is above 0"),
        ("window=1500,0.5,linear", "with linear at least 1"),
        ("window=1500,800,cubic", "functions are linear, linear-exact and sigmoid"),
        ("window=nan,800,linear", "Give centre"),
        ("viewport=512", "whole pixels, from 1 to 4096"),
        ("viewport=0,10", "from 1 to 4096"),
        ("viewport=5000,10", "from 1 to 4096"),
        ("viewport=10,10,0,0,8", "Give width and height"),
        ("viewport=10,10,x,0,8,8", "Give width and height"),
        ("viewport=10,10,44,0,8,8", "reaches beyond the picture of 48 by 40 pixels"),
        ("quality=0", "greater than or equal to 1"),
        ("quality=best", "valid integer"),
        ("windows=1,2,linear", "This parameter is not known"),
        ("quality=80&quality=90", "Give this parameter once."),
    ],
)
def test_rendering_that_is_not_understood_is_refused_in_words(
    query, sentence, case, colleague, api_of
) -> None:
    path = f"{address(case.images.get(position=0))}/rendered?{query}"
    answer = api_of(colleague).get(path, headers={"Accept": "image/png, application/json"})
    assert answer.status_code == 400
    assert sentence in str(answer.json()["errors"][query.partition("=")[0]])


def test_viewport_may_leave_numbers_out(case, colleague, api_of) -> None:
    path = f"{address(case.images.get(position=0))}/rendered?viewport=24,24,,,24,&annotation=patient"
    answer = api_of(colleague).get(path, headers={"Accept": "image/png"})
    assert Picture.open(io.BytesIO(answer.content)).size == (14, 24)


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("", "application/pdf"),
        ("", 'multipart/related; type="image/jpeg"'),
        ("", 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.50'),
        ("/frames/1", PARTS),
        ("/rendered", "image/gif"),
        ("/rendered", "application/json"),
        ("/metadata", "application/dicom+xml"),
    ],
)
def test_what_is_not_made_here_is_not_acceptable(path, accept, case, colleague, api_of) -> None:
    image = case.images.get(position=0)
    answer = api_of(colleague).get(f"{address(image)}{path}", headers={"Accept": accept})
    assert answer.status_code == 406


def test_one_of_several_accepted_kinds_is_enough(case, colleague, api_of) -> None:
    image = case.images.get(position=0)
    accept = f"{PARTS}; transfer-syntax=1.2.840.10008.1.2.4.70, {PARTS}; transfer-syntax=*"
    answer = api_of(colleague).get(address(image), headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith('multipart/related; type="application/dicom"; boundary=')
    assert answer.streaming


def test_second_frame_and_unknown_uids_are_not_found(case, colleague, api_of, cohort) -> None:
    image = case.images.get(position=0)
    script = api_of(colleague)
    assert script.get(f"{address(image)}/frames/2").status_code == 404
    root = f"/api/v1/dicomweb/{cohort.pk}/studies"
    for path in ("1.2", "2.25.7", "2.25.7/metadata", f"{uids_of(image)[0]}/series/1.2.1", "../.."):
        assert script.get(f"{root}/{path}").status_code == 404
    assert script.get(f"{address(image).replace('series/2', 'series/3')}").status_code == 404


def test_nobody_is_handed_what_they_may_not_see(
    case, colleague, administrator, exporter, stranger, api_of, client, other_cohort
) -> None:
    image = case.images.get(position=0)
    paths = [address(image, levels) + path for levels in (1, 2, 3) for path in ("", "/metadata")]
    paths += [f"{address(image)}/rendered", f"{address(image)}/frames/1"]
    for path in paths:
        assert client.get(path).status_code == 401, path
        assert api_of(exporter).get(path).status_code == 403, path
        assert api_of(stranger).get(path).status_code == 404, path
        elsewhere = path.replace(str(image.cohort_id), str(other_cohort.pk))
        assert api_of(stranger).get(elsewhere).status_code == 404, elsewhere
        assert api_of(colleague).post(path).status_code == 405, path
    Case.objects.update(is_quarantined=True)
    for path in paths:
        assert api_of(colleague).get(path).status_code == 404, path
        assert api_of(administrator).get(path).status_code == 200, path


def test_blinded_reader_is_handed_the_same_whatever_the_network_says(
    case, blinded, colleague, analyse_as, api_of
) -> None:
    image, script = case.images.get(position=0), api_of(colleague)
    asked = [address(image) + path for path in ("/metadata", "/rendered", "/frames/1")]
    before = [script.get(path).getvalue() for path in asked[:2]]
    for position in range(3):
        analyse_as(case, position=position, predicted="meningioma", probability=0.8317)
    after = [script.get(path).getvalue() for path in asked[:2]]
    assert before == after
    assert b"meningioma" not in script.get(address(image)).getvalue()
