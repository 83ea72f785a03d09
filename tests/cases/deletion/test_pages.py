"""The pages of deletion, and what pages and REST say of a case that was deleted."""

from __future__ import annotations

import re

import pytest

from cases.export.snapshots.building import ask_for_snapshot, build_waiting
from cases.intake.uploads import submit_series
from cases.lifecycle import DeletionKind
from cases.models import Case, Deletion, DeletionRequest
from tests.cases.intake.hospital import files, slice_file

pytestmark = pytest.mark.both_databases


def text_of(response) -> str:
    """The page's words, without markup."""
    return " ".join(re.sub(r"<[^>]*>", " ", response.content.decode()).split())


def test_page_says_what_goes_and_what_stays(reviewed_case, administrator, client_of) -> None:
    page = client_of(administrator).get(f"/dashboard/deletions/case/{reviewed_case.code}/")
    said = text_of(page)
    assert "Pictures 1 Files of heat maps 1" in said
    assert (
        "Results of the network, as numbers 1 First reads, reviews and decisions, with their words 1" in said
    )
    assert "Backups keep the pictures until they age out" in said


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Say why it is deleted."),
        ({"reason": "retention"}, "Select a valid choice"),
        ({"reason": "other"}, "Say which other reason."),
    ],
)
def test_deletion_without_a_reason_deletes_nothing(
    given, words, ready_case, administrator, client_of
) -> None:
    answer = client_of(administrator).post(f"/dashboard/deletions/case/{ready_case.code}/", given)
    assert (answer.status_code, words in answer.content.decode()) == (422, True)
    assert Deletion.objects.count() == 0


def test_deletion_is_carried_out_and_listed(ready_case, administrator, client_of) -> None:
    answer = client_of(administrator).post(
        f"/dashboard/deletions/case/{ready_case.code}/",
        {"reason": "by_mistake", "words": "twice"},
        follow=True,
    )
    said = text_of(answer)
    assert "Deleted. What stays of it is listed here." in said
    assert f"A case {ready_case.code} It was uploaded by mistake twice Administrator 1 1 0" in said


def test_who_has_not_proved_it_lately_is_asked_first(ready_case, administrator, client_of, settings) -> None:
    settings.REAUTHENTICATION_SECONDS = 0
    client = client_of(administrator)
    for address in (
        f"/dashboard/deletions/case/{ready_case.code}/",
        f"/dashboard/deletions/cohort/{ready_case.cohort_id}/",
        f"/dashboard/deletions/requests/{ready_case.pk}/",
    ):
        for answer in (client.get(address), client.post(address, {"reason": "consent"})):
            assert answer["Location"].startswith("/accounts/confirm/")
    assert client.get("/dashboard/deletions/").status_code == 200
    assert Deletion.objects.count() == 0


def test_one_picture_of_several_is_deleted_from_the_page_of_the_case(
    submit_many, administrator, client_of
) -> None:
    case = submit_many(2)
    client = client_of(administrator)
    address = f"/dashboard/deletions/case/{case.code}/?picture=1"
    assert address in client.get(f"/cases/{case.code}/?image=1").content.decode()
    assert f"Picture 2 of case {case.code}." in text_of(client.get(address))
    client.post(address, {"reason": "name_shown"})
    assert Deletion.objects.get().kind == DeletionKind.PICTURE
    page = client.get(f"/cases/{case.code}/")
    assert (page.status_code, "?picture=" in page.content.decode()) == (200, False)
    assert client.get(f"/cases/{case.code}/base.png?image=1").status_code == 404
    assert client.get(address).status_code == 404


def test_cohort_is_deleted_by_its_name_alone(submit, administrator, cohort, client_of) -> None:
    submit()
    client, address = client_of(administrator), f"/dashboard/deletions/cohort/{cohort.pk}/"
    wrong = client.post(address, {"reason": "consent", "name": "South"})
    assert (wrong.status_code, Deletion.objects.count()) == (422, 0)
    assert "The cohort is called “North”." in wrong.content.decode()
    assert "This cohort was deleted on" in text_of(
        client.post(address, {"reason": "consent", "name": "North"}, follow=True)
    )
    assert "This cohort is deleted already." in text_of(client.get(address, follow=True))
    assert client.get(f"/dashboard/?cohort={cohort.pk}").status_code == 200
    assert client.get(f"/dashboard/evidence/?cohort={cohort.pk}").status_code == 200


def test_second_administrator_confirms_on_a_page(
    ready_case, administrator, make_person, cohort, client_of, settings
) -> None:
    settings.DELETION_NEEDS_TWO = True
    client = client_of(administrator)
    said = text_of(
        client.post(f"/dashboard/deletions/case/{ready_case.code}/", {"reason": "consent"}, follow=True)
    )
    assert "Another administrator of the cohort has to confirm it" in said
    address = f"/dashboard/deletions/requests/{DeletionRequest.objects.get().pk}/"
    assert "Confirm the deletion" not in text_of(client.get(address))
    said = text_of(client.post(address, {"act": "confirm"}, follow=True))
    assert "You have asked for this yourself." in said
    assert Deletion.objects.count() == 0
    deputy = client_of(make_person("deputy", cohort, "administrator"))
    assert "Confirm the deletion" in text_of(deputy.get(address))
    said = text_of(deputy.post(address, {"act": "confirm"}, follow=True))
    assert "Administrator confirmed by Deputy" in said
    assert "This request waits no more." in text_of(deputy.get(address, follow=True))


def test_administrator_sets_for_how_long_cases_are_kept(administrator, cohort, client_of) -> None:
    client, address = client_of(administrator), "/dashboard/deletions/retention/"
    assert client.post(address, {"cohort": cohort.pk, "days": "0"}).status_code == 422
    client.post(address, {"cohort": cohort.pk, "days": "3650"})
    cohort.refresh_from_db()
    assert cohort.retention_days == 3650
    client.post(address, {"cohort": cohort.pk, "days": ""})
    cohort.refresh_from_db()
    assert cohort.retention_days is None


def test_page_of_a_deleted_case_is_gone_in_words(
    ready_case, colleague, stranger, delete_case, client_of
) -> None:
    delete_case(ready_case)
    for part in ("", "base.png", "thumbnail.png", "status/"):
        answer = client_of(colleague).get(f"/cases/{ready_case.code}/{part}")
        assert (answer.status_code, f"Case {ready_case.code} was deleted on" in text_of(answer)) == (
            410,
            True,
        )
    typed = client_of(colleague).post(
        f"/cases/{ready_case.code}/draft/",
        {"comment": "half a word", "revision": "0"},
        headers={"X-Requested-With": "XMLHttpRequest"},
    )
    assert (typed.status_code, typed["HX-Refresh"]) == (410, "true")
    assert client_of(stranger).get(f"/cases/{ready_case.code}/").status_code == 404
    assert Case.objects.get().drafts.count() == 0


def test_rest_answers_410_with_a_stable_code(ready_case, colleague, stranger, delete_case, api_of) -> None:
    deletion = delete_case(ready_case)
    for part in ("", "images/0/", "predictions/", "reviews/"):
        answer = api_of(colleague).get(f"/api/v1/cases/{ready_case.code}/{part}")
        assert (answer.status_code, answer["Content-Type"]) == (410, "application/problem+json")
        said = answer.json()
        assert (said["code"], said["case"]) == ("case_deleted", ready_case.code)
        assert said["deleted_at"] == deletion.at.isoformat()
    assert api_of(stranger).get(f"/api/v1/cases/{ready_case.code}/").status_code == 404
    assert api_of(colleague).get("/api/v1/cases/").json()["results"] == []
    assert api_of(colleague).delete(f"/api/v1/cases/{ready_case.code}/").status_code == 405


def test_export_of_reviews_says_when_the_picture_was_deleted(
    reviewed_case, exporter, delete_case, api_of
) -> None:
    deletion = delete_case(reviewed_case)
    (row,) = api_of(exporter).get("/api/v1/reviewed-cases/?format=json").json()["results"]
    assert (row["image_sha256"], row["picture_deleted_at"]) == (None, deletion.at.isoformat())
    assert (row["case"], row["final_class"]) == (reviewed_case.code, "meningioma")


def test_frozen_snapshot_stays_and_names_what_was_deleted_since(
    reviewed_case, administrator, exporter, cohort, delete_case, client_of, api_of
) -> None:
    snapshot = ask_for_snapshot(by=exporter, cohort=cohort)
    assert build_waiting() == 1
    address = f"/api/v1/snapshots/{snapshot.pk}/"
    before = api_of(exporter).get(address).json()
    rows = b"".join(api_of(exporter).get(f"{address}results/"))
    assert (before["deleted_since"], reviewed_case.code.encode() in rows) == ([], True)
    deletion = delete_case(reviewed_case)
    after = api_of(exporter).get(address).json()
    told = [{"case": reviewed_case.code, "deleted_at": deletion.at.isoformat().replace("+00:00", "Z")}]
    assert after == before | {"deleted_since": told}
    assert b"".join(api_of(exporter).get(f"{address}results/")) == rows
    page = client_of(administrator).get(f"/dashboard/snapshots/?cohort={cohort.pk}")
    assert "1 of its cases was deleted later." in text_of(page)


def test_dicomweb_knows_a_deleted_picture_and_case_no_more(
    owner, cohort, model_version, delete_case, api_of
) -> None:
    submit_series(by=owner, cohort=cohort, files=files(slice_file(0), slice_file(3)), is_one_case=False)
    case, client = Case.objects.get(), api_of(owner)
    studies = f"/api/v1/dicomweb/{cohort.pk}/studies"
    (study,) = client.get(studies).json()
    address = f"{studies}/{study['0020000D']['Value'][0]}"
    assert study["00201208"]["Value"] == [2]
    assert len(client.get(f"{address}/metadata").json()) == 2
    delete_case(case, position=0)
    assert client.get(studies).json()[0]["00201208"]["Value"] == [1]
    assert len(client.get(f"{address}/metadata").json()) == 1
    delete_case(case)
    assert (client.get(studies).json(), client.get(f"{address}/metadata").status_code) == ([], 404)
