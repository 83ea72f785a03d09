"""Who is handed a case as DICOM, when, and what is written down of it."""

import io
import zipfile

import pytest

from cases.models import AuditEvent, Case, Disclosure, Membership

NAMES = ["picture-1.dcm", "heat-map-1.dcm", "network.dcm", "read-1.dcm"]


def names_in(response) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(response.getvalue())) as archive:
        return archive.namelist()


def test_exporter_is_handed_a_reviewed_case_over_rest_and_it_is_written_down(
    reviewed_case, exporter, api_of
) -> None:
    response = api_of(exporter).get(f"/api/v1/cases/{reviewed_case.code}/dicom/")
    assert (response.status_code, response["Content-Type"]) == (200, "application/zip")
    assert (
        response["Content-Disposition"] == f'attachment; filename="secondread-{reviewed_case.code}-dicom.zip"'
    )
    assert response["X-Research-Use"].startswith("For research and study use only.")
    assert response.streaming
    assert names_in(response) == NAMES
    event = AuditEvent.objects.get(action="case.dicom_fetched")
    assert (event.actor, event.subject, event.cohort) == (
        exporter,
        str(reviewed_case.pk),
        reviewed_case.cohort,
    )
    assert event.details == {"reads": 1}
    shown = Disclosure.objects.filter(user=exporter, case=reviewed_case).order_by("kind")
    assert list(shown.values_list("kind", flat=True)) == ["network", "peers"]


def test_administrator_finds_it_on_the_page_of_the_case(reviewed_case, administrator, client_of) -> None:
    client = client_of(administrator)
    address = f"/cases/{reviewed_case.code}/dicom.zip"
    assert address in client.get(f"/cases/{reviewed_case.code}/").content.decode()
    response = client.get(address)
    assert response["Cache-Control"].startswith("max-age=0, no-cache, no-store")
    assert names_in(response) == NAMES
    assert AuditEvent.objects.get(action="case.dicom_fetched").actor == administrator


def test_reader_has_neither_the_link_nor_the_files(reviewed_case, colleague, client_of, api_of) -> None:
    client = client_of(colleague)
    assert "dicom.zip" not in client.get(f"/cases/{reviewed_case.code}/").content.decode()
    assert client.get(f"/cases/{reviewed_case.code}/dicom.zip").status_code == 403
    assert api_of(colleague).get(f"/api/v1/cases/{reviewed_case.code}/dicom/").status_code == 403
    assert not AuditEvent.objects.filter(action="case.dicom_fetched").exists()


def test_stranger_visitor_wrong_verb_and_bad_code_are_refused(
    reviewed_case, stranger, exporter, client_of, api_of, client
) -> None:
    page, rest = f"/cases/{reviewed_case.code}/dicom.zip", f"/api/v1/cases/{reviewed_case.code}/dicom/"
    assert client_of(stranger).get(page).status_code == 404
    assert api_of(stranger).get(rest).status_code == 404
    assert client.get(page)["Location"] == f"/accounts/sign-in/?next={page}"
    assert client.get(rest).status_code == 401
    assert client_of(exporter).post(page).status_code == 405
    assert api_of(exporter).post(rest).status_code == 405
    assert api_of(exporter).get("/api/v1/cases/0000-0000/dicom/").status_code == 404
    assert api_of(exporter).get(f"{rest}?x=1").status_code == 400
    assert not AuditEvent.objects.filter(action="case.dicom_fetched").exists()


@pytest.mark.parametrize("state", ["open", "in_review", "disputed"])
def test_case_that_is_not_over_is_not_handed_out(
    state, reviewed_case, administrator, client_of, api_of
) -> None:
    Case.objects.filter(pk=reviewed_case.pk).update(state=state)
    response = api_of(administrator).get(f"/api/v1/cases/{reviewed_case.code}/dicom/")
    assert (response.status_code, response.json()["code"]) == (409, "wrong_state")
    assert "once all of its readers are through" in response.json()["detail"]
    assert client_of(administrator).get(f"/cases/{reviewed_case.code}/dicom.zip").status_code == 404
    assert "dicom.zip" not in client_of(administrator).get(f"/cases/{reviewed_case.code}/").content.decode()
    assert not AuditEvent.objects.filter(action="case.dicom_fetched").exists()


def test_closed_case_that_nobody_read_has_no_files(ready_case, administrator, client_of, api_of) -> None:
    Case.objects.filter(pk=ready_case.pk).update(state="closed")
    response = api_of(administrator).get(f"/api/v1/cases/{ready_case.code}/dicom/")
    assert response.status_code == 409
    assert response.json()["detail"].startswith("Nobody has read this case")
    assert "dicom.zip" not in client_of(administrator).get(f"/cases/{ready_case.code}/").content.decode()


def test_quarantined_case_is_the_administrators_alone(reviewed_case, exporter, administrator, api_of) -> None:
    Case.objects.filter(pk=reviewed_case.pk).update(is_quarantined=True)
    rest = f"/api/v1/cases/{reviewed_case.code}/dicom/"
    assert api_of(exporter).get(rest).status_code == 404
    assert api_of(administrator).get(rest).status_code == 200


def test_copy_of_a_picture_still_to_be_read_blind_elsewhere_is_held_back(
    reviewed_case, administrator, other_cohort, owner, submit, api_of
) -> None:
    type(other_cohort).objects.filter(pk=other_cohort.pk).update(reading="blinded")
    other_cohort.refresh_from_db()
    Membership.objects.create(user=administrator, cohort=other_cohort, role="radiologist")
    twin = submit(seed=7)
    type(twin).objects.filter(pk=twin.pk).update(cohort=other_cohort)
    picture = reviewed_case.images.get().picture
    twin.images.update(cohort=other_cohort, picture=picture)
    response = api_of(administrator).get(f"/api/v1/cases/{reviewed_case.code}/dicom/")
    assert response.status_code == 409
