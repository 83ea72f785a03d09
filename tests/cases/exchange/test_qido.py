"""QIDO-RS: what is found, by whom, and under which names."""

from __future__ import annotations

import pytest

from cases.exchange.qido import key_of, uid_of
from cases.intake.uploads import submit_series
from cases.models import Case, Image, Series
from tests.cases.intake.hospital import files, slice_file
from tests.cast import make_png_bytes

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]


@pytest.fixture
def studies(owner, cohort) -> str:
    """Two studies, the first of two series, beside a web picture; the address of the studies."""
    first = {"StudyInstanceUID": "1.2", "PatientID": "PATIENT-1"}
    parts = [slice_file(z, SeriesInstanceUID="1.2.1", **first) for z in (0, 3)]
    parts.append(slice_file(9, SeriesInstanceUID="1.2.2", **first))
    parts.append(slice_file(12, SeriesInstanceUID="1.3.1", StudyInstanceUID="1.3", PatientID="PATIENT-2"))
    submit_series(by=owner, cohort=cohort, files=files(*parts, make_png_bytes()), is_one_case=False)
    return f"/api/v1/dicomweb/{cohort.pk}/studies"


def value(item: dict, tag: str):
    (found,) = item[tag]["Value"]
    return found


def test_studies_series_and_instances_are_found_under_their_keys(studies, colleague, api_of) -> None:
    client = api_of(colleague)
    answer = client.get(studies)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/dicom+json")
    counts = sorted((value(each, "00201206"), value(each, "00201208")) for each in answer.json())
    assert counts == [(1, 1), (2, 3)]
    large = max(answer.json(), key=lambda each: value(each, "00201208"))
    kept = Series.objects.filter(study_key=key_of(value(large, "0020000D")))
    assert value(large, "00100020") == kept[0].patient_key
    assert value(large, "00080061") == "MR"
    series = client.get(f"{studies}/{value(large, '0020000D')}/series").json()
    assert sorted(value(each, "00201209") for each in series) == [1, 2]
    longest = max(series, key=lambda each: value(each, "00201209"))
    instances = client.get(
        f"{studies}/{value(large, '0020000D')}/series/{value(longest, '0020000E')}/instances"
    ).json()
    images = Image.objects.filter(case__series__series_key=key_of(value(longest, "0020000E")))
    assert [value(each, "00080018") for each in instances] == [
        uid_of(image.instance_key) for image in images.order_by("position")
    ]
    assert (value(instances[0], "00280010"), value(instances[0], "00280011")) == (40, 48)
    text = str([answer.json(), series, instances])
    assert not any(name in text for name in ("Doe", "PATIENT-1", "PATIENT-2", "1.2.1", "1.3.1"))


def test_search_narrows_and_pages_and_says_what_it_cannot_do(studies, colleague, api_of) -> None:
    client = api_of(colleague)
    first, second = client.get(studies).json()
    wanted = {"StudyInstanceUID": value(first, "0020000D"), "includefield": "all"}
    assert client.get(studies, wanted).json() == [first]
    assert client.get(studies, {"00100020": value(second, "00100020")}).json() == [second]
    assert client.get(studies, {"limit": 1, "offset": 1}).json() == [second]
    assert client.get(studies, {"Modality": "CT"}).json() == []
    assert client.get(studies, {"StudyInstanceUID": "1.2"}).json() == []
    assert client.get(studies, {"PatientName": "Doe*"}).status_code == 400
    assert client.get(studies, {"limit": "-1"}).status_code == 400


def test_quarantined_series_is_found_by_administrators_alone(
    studies, colleague, administrator, api_of
) -> None:
    Case.objects.update(is_quarantined=True)
    assert api_of(colleague).get(studies).json() == []
    assert len(api_of(administrator).get(studies).json()) == 2


def test_exporter_stranger_and_visitor_find_nothing(studies, exporter, stranger, api_of, client) -> None:
    assert api_of(exporter).get(studies).status_code == 403
    assert api_of(stranger).get(studies).status_code == 404
    assert client.get(studies).status_code == 401


@pytest.mark.parametrize("uid", ["1.2.3", "2.25.", "2.25.x", "2.25." + "9" * 39, "../..", ""])
def test_uid_that_stands_for_no_key_finds_nothing(uid) -> None:
    assert key_of(uid) == "-"


def test_uid_and_key_lead_to_each_other() -> None:
    for key in ("0" * 31 + "1", "f" * 32):
        assert key_of(uid_of(key)) == key
        assert len(uid_of(key)) <= 64
