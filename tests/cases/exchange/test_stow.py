"""STOW-RS: instances by multipart/related, each with its own answer."""

from __future__ import annotations

import io
import uuid
from contextlib import closing

import pytest
from pydicom.uid import MRImageStorage

from cases.exchange.related import Malformed, RelatedParts
from cases.models import Case, Image
from inference.formats.dicom.identifiers import identifiers_of
from tests.cases.intake.hospital import slice_file
from tests.cast import make_png_bytes

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]
BOUNDARY = "b0undary"
TYPE = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


def body_of(*parts: bytes, preamble: bytes = b"") -> bytes:
    head = b"Content-Type: application/dicom\r\n"
    line = f"\r\n--{BOUNDARY}".encode()
    opened = [line + b"\r\n" + head + b"\r\n" + part for part in parts]
    return preamble + b"".join(opened)[0 if preamble else 2 :] + line + b"--\r\n"


def address(cohort) -> str:
    return f"/api/v1/dicomweb/{cohort.pk}/studies"


def sent(client, cohort, data: bytes, content_type: str = TYPE):
    return client.post(address(cohort), data, content_type=content_type)


def instances(answer, tag: str) -> list[str]:
    return [item["00081155"]["Value"][0] for item in answer.json().get(tag, {}).get("Value", [])]


# --- The parser ----------------------------------------------------------------------------------


class Drips(io.BytesIO):
    """Hands out a few bytes at a time, as a slow line does."""

    def __init__(self, data: bytes, few: int) -> None:
        super().__init__(data)
        self.few = few

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.few)


@pytest.mark.parametrize("few", [1, 7, 10**6])
@pytest.mark.parametrize("preamble", [b"", b"to be ignored"])
def test_parts_are_what_was_sent_however_they_arrive(few, preamble) -> None:
    wanted = [b"one", b"", b"\r\n--b0undar", b"--b0undary--", bytes(range(256)) * 3]
    parts = RelatedParts(Drips(body_of(*wanted, preamble=preamble), few), BOUNDARY.encode())
    with closing(parts):
        assert [file.read() for file in parts.files()] == wanted
        assert parts.head_of(4, 3) == b"\0\1\2"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no boundary",
        body_of(b"x")[:-12],
        b"--b0undary\r\nhead without end",
        b"--b0undary\r\n" + b"h" * 9000,
    ],
)
def test_body_that_ends_or_begins_wrong_is_told(data) -> None:
    with pytest.raises(Malformed):
        RelatedParts(io.BytesIO(data), BOUNDARY.encode())


def test_identifiers_are_those_of_the_meta_group() -> None:
    assert identifiers_of(slice_file(0, SOPInstanceUID="1.2.3")) == (MRImageStorage, "1.2.3")
    assert identifiers_of(b"x" * 200) == identifiers_of(b"") == ("", "")
    assert identifiers_of(slice_file(0, SOPInstanceUID="1.2.3").replace(b"1.2.3", b"../up"))[1] == ""


# --- The address ---------------------------------------------------------------------------------


def test_series_is_stored_as_one_case_and_each_instance_named(owner, cohort, api_of) -> None:
    slices = [slice_file(z, SOPInstanceUID=f"1.2.{z}") for z in (3, 0, 6)]
    answer = sent(api_of(owner), cohort, body_of(*slices))
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom+json")
    assert instances(answer, "00081199") == ["1.2.3", "1.2.0", "1.2.6"]
    assert "00081198" not in answer.json()
    heights = [image.geometry["position"][2] for image in Case.objects.get().images.order_by("position")]
    assert heights == [0, 3, 6]
    again = sent(api_of(owner), cohort, body_of(*slices))
    assert (again.status_code, len(instances(again, "00081199"))) == (200, 3)
    assert Image.objects.count() == 3


def test_some_and_none_have_their_status_and_each_failure_its_reason(owner, cohort, api_of) -> None:
    sent(api_of(owner), cohort, body_of(slice_file(9, SOPInstanceUID="1.9")))
    failing = [
        slice_file(0, SOPInstanceUID="1.1", Modality="SR"),
        slice_file(0, SOPInstanceUID="1.2", Modality="CT"),
        slice_file(0, SOPInstanceUID="1.3")[:-900],
        slice_file(9, seed=1, SOPInstanceUID="1.9"),
    ]
    answer = sent(api_of(owner), cohort, body_of(slice_file(3, SOPInstanceUID="1.4"), *failing))
    assert answer.status_code == 202
    assert instances(answer, "00081199") == ["1.4"]
    failed = answer.json()["00081198"]["Value"]
    assert [item["00081197"]["Value"][0] for item in failed] == [0x0122, 0x0122, 0xC000, 0x0111]
    none = sent(api_of(owner), cohort, body_of(b"no DICOM at all"))
    assert none.status_code == 409
    assert none.json()["00081198"]["Value"][0]["00081155"] == {"vr": "UI"}


def test_instance_that_is_too_large_fails_and_the_others_go_on(owner, cohort, api_of, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 8000
    answer = sent(api_of(owner), cohort, body_of(slice_file(0, SOPInstanceUID="1.1"), bytes(9000)))
    assert answer.status_code == 202
    assert answer.json()["00081198"]["Value"][0]["00081197"]["Value"] == [0xA700]


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b"--x", TYPE, 400),
        (b"", TYPE, 400),
        (body_of(b"x"), 'multipart/related; type="application/dicom"', 400),
        (body_of(b"x"), f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}', 415),
        (make_png_bytes(), "image/png", 415),
    ],
)
def test_body_of_another_kind_is_refused(owner, cohort, api_of, data, content_type, status) -> None:
    assert sent(api_of(owner), cohort, data, content_type).status_code == status


def test_too_much_and_too_many_are_refused_as_a_whole(owner, cohort, api_of, settings) -> None:
    settings.UPLOAD_MAX_FILES = 1
    assert sent(api_of(owner), cohort, body_of(b"a", b"b")).status_code == 413
    settings.UPLOAD_MAX_REQUEST_BYTES = 100
    assert sent(api_of(owner), cohort, body_of(bytes(1000))).status_code == 413
    assert Case.objects.count() == 0


def test_stranger_exporter_and_visitor_store_nothing(cohort, stranger, exporter, api_of, client) -> None:
    data = body_of(slice_file(0))
    assert sent(api_of(stranger), cohort, data).status_code == 404
    assert sent(api_of(exporter), cohort, data).status_code == 403
    assert client.post(address(cohort), data, content_type=TYPE).status_code == 401
    unknown = f"/api/v1/dicomweb/{uuid.uuid4()}/studies"
    assert api_of(exporter).post(unknown, data, content_type=TYPE).status_code == 404
    assert Case.objects.count() == 0


def test_body_that_comes_in_chunks_is_read_to_its_end(owner, cohort, api_of) -> None:
    """As Orthanc sends it, and servers that undo the chunks hand it on: without a length."""
    data = body_of(slice_file(0), slice_file(3))
    in_chunks = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "", "wsgi.input": Drips(data, 1000)}
    terminated = in_chunks | {"wsgi.input_terminated": True}
    client = api_of(owner)
    assert client.post(address(cohort), data, content_type="text/plain", **terminated).status_code == 415
    assert client.post(address(cohort), data, content_type=TYPE, **in_chunks).status_code == 400
    assert Case.objects.count() == 0
    answer = client.post(address(cohort), data, content_type=TYPE, **terminated)
    assert answer.status_code == 200
    assert Case.objects.get().images.count() == 2


def test_boundary_of_two_uuids_as_orthanc_makes_it_is_taken_and_a_longer_one_is_not(
    owner, cohort, api_of
) -> None:
    whole = body_of(slice_file(0))
    for letters, status in ((73, 200), (129, 400)):
        boundary = "b" * letters
        data = whole.replace(BOUNDARY.encode(), boundary.encode())
        answer = sent(api_of(owner), cohort, data, TYPE.replace(BOUNDARY, boundary))
        assert answer.status_code == status
