"""Who gets to the addresses of a case, and what a refusal says and leaves alone.

Every address by every kind of person is the table of tests/portal/test_route_matrix.py.
"""

import uuid

import pytest
from django.urls import reverse

from cases.lifecycle import JobStatus
from cases.models import AuditEvent, Job, Prediction, Review

LAYER, CLASS = "conv_3", "glioma"


def addresses(case) -> dict[str, str]:
    """Every address of a case, by name."""
    prediction = Prediction.objects.filter(image__case=case).first()
    of_prediction = [case.code, prediction.pk if prediction else uuid.uuid4(), LAYER, CLASS]
    return {
        **{name: reverse(f"cases:{name}", args=[case.code]) for name in ("case", "amend", "status", "base")},
        "map": reverse("cases:map", args=of_prediction),
        "overlay": reverse("cases:overlay", args=of_prediction),
    }


def test_address_of_a_case_for_visitor_leads_to_the_sign_in_and_back(ready_case, client) -> None:
    for name, address in addresses(ready_case).items():
        response = client.get(address)
        assert response.status_code == 302, name
        assert response["Location"] == f"{reverse('accounts:sign-in')}?next={address}"


@pytest.mark.parametrize(
    ("referer", "leads_to"),
    [
        ("http://testserver{case}amend/", "{case}amend/"),
        ("http://testserver{case}?image=2", "{case}%3Fimage%3D2"),
        ("http://elsewhere.example{case}amend/", "{case}"),
        ("", "{case}"),
    ],
)
def test_form_of_a_visitor_leads_by_the_sign_in_to_the_page_it_stood_on(
    referer, leads_to, ready_case, client
) -> None:
    address = reverse("cases:case", args=[ready_case.code])
    where = {"Referer": referer.format(case=address)}
    response = client.post(f"{address}amend/", {"comment": "words"}, headers=where)
    assert response["Location"] == f"{reverse('accounts:sign-in')}?next={leads_to.format(case=address)}"


@pytest.mark.parametrize("name", ["worklist", "upload", "next", "states"])
def test_list_address_for_visitor_leads_to_the_sign_in(name, db, client) -> None:
    response = client.get(reverse(f"cases:{name}"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:sign-in"))


def test_script_of_visitor_gets_401_and_reloads_the_page(submitted_case, client) -> None:
    address = reverse("cases:status", args=[submitted_case.code])
    response = client.get(address, headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Refresh"], response.content) == (401, "true", b"")


def test_upload_script_of_visitor_gets_401_and_keeps_its_page(db, client) -> None:
    response = client.post(reverse("cases:upload"), headers={"X-Requested-With": "XMLHttpRequest"})
    assert response.status_code == 401
    assert "HX-Refresh" not in response


def test_review_posted_by_visitor_leads_back_to_the_case(ready_case, client) -> None:
    address = reverse("cases:case", args=[ready_case.code])
    response = client.post(reverse("cases:retry", args=[ready_case.code]), {})
    assert response["Location"] == f"{reverse('accounts:sign-in')}?next={address}"
    assert Review.objects.count() == 0


def test_page_of_a_case_refuses_other_verbs(ready_case, colleague, client_of) -> None:
    for name in ("case", "amend"):
        for method in ("put", "delete", "patch"):
            answer = getattr(client_of(colleague), method)(addresses(ready_case)[name])
            assert answer.status_code == 405, (name, method)


@pytest.mark.parametrize("code", ["ZZZZ-ZZZZ", "1", "K7QF2M9D", "K7QF-2M9D-X", "..", "%2e%2e"])
def test_code_that_does_not_exist_is_not_found(code, colleague, client_of) -> None:
    assert client_of(colleague).get(f"/cases/{code}/").status_code == 404


def test_code_in_small_letters_finds_the_case(ready_case, colleague, client_of) -> None:
    assert client_of(colleague).get(f"/cases/{ready_case.code.lower()}/").status_code == 200


def test_result_of_another_case_is_not_found_under_this_one(
    ready_case, submit, analyse_as, colleague, client_of
) -> None:
    other = submit(seed=1)
    analyse_as(other)
    foreign = Prediction.objects.get(image__case=other)
    for name in ("map", "overlay"):
        address = reverse(f"cases:{name}", args=[ready_case.code, foreign.pk, LAYER, CLASS])
        assert client_of(colleague).get(address).status_code == 404


# A technologist sees the picture and the state of the analysis, and nothing that it found.


def test_technologist_sees_picture_and_state_only(ready_case, owner, client_of) -> None:
    client = client_of(owner)
    page = client.get(reverse("cases:case", args=[ready_case.code])).content.decode()
    prediction = Prediction.objects.get()
    for secret in ("Glioma", "glioma", str(prediction.pk), "70.0", "conv_3", "Do you agree"):
        assert secret not in page
    assert "What it says is shown to the readers of this cohort." in page
    assert client.get(addresses(ready_case)["base"]).status_code == 200


@pytest.mark.parametrize("name", ["case", "amend"])
def test_review_by_technologist_is_refused_and_nothing_is_stored(name, ready_case, owner, client_of) -> None:
    given = {"prediction": Prediction.objects.get().pk, "verdict": "agree", "confidence": "4", "reason": "x"}
    response = client_of(owner).post(addresses(ready_case)[name], given)
    assert response.status_code == 403
    assert Review.objects.count() == 0
    ready_case.refresh_from_db()
    assert ready_case.state == "open"


def test_technologist_sees_no_review(reviewed_case, owner, client_of) -> None:
    page = client_of(owner).get(addresses(reviewed_case)["case"]).content.decode()
    assert "Meningioma" not in page
    assert "Colleague" not in page


def test_worklist_of_technologist_names_no_class(ready_case, owner, client_of) -> None:
    client = client_of(owner)
    page = client.get(reverse("cases:worklist")).content.decode()
    assert ready_case.code in page
    assert "Glioma" not in page
    assert client.get(reverse("cases:worklist"), {"found": "meningioma"}).context["fitting"].n == 1
    states = client.get(reverse("cases:states"), {"c": ready_case.code}).content.decode()
    assert "Glioma" not in states


def test_retry_by_stranger_is_not_found_and_changes_nothing(submitted_case, stranger, client_of) -> None:
    Job.objects.update(status=JobStatus.FAILED)
    response = client_of(stranger).post(reverse("cases:retry", args=[submitted_case.code]))
    assert response.status_code == 404
    assert Job.objects.get().status == JobStatus.FAILED
    assert not AuditEvent.objects.filter(action="job.retried").exists()


def test_states_of_foreign_cases_are_not_told(submitted_case, stranger, client_of) -> None:
    page = client_of(stranger).get(reverse("cases:states"), {"c": submitted_case.code})
    assert page.status_code == 200
    assert submitted_case.code not in page.content.decode()
