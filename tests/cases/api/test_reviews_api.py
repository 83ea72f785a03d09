"""Reviewing over REST: what is stored, what is refused, and who was first."""

import uuid

import pytest

from cases.models import AuditEvent, Case, Prediction, Review
from tests.cases.api.support import API, problem_of


def reviews_url(case) -> str:
    return f"{API}cases/{case.code}/reviews/"


def amend_url(review_id) -> str:
    return f"{API}reviews/{review_id}/amend/"


def opinion(**changes) -> dict:
    said = {
        "prediction": str(Prediction.objects.get().pk),
        "verdict": "disagree",
        "corrected_class": "meningioma",
        "confidence": 4,
        "comment": "Broad dural base.",
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def amendment(**changes) -> dict:
    said = {"verdict": "agree", "confidence": 5, "reason": "Second look."}
    return {name: value for name, value in (said | changes).items() if value is not None}


def events() -> list[str]:
    actions = AuditEvent.objects.filter(action__startswith="review").order_by("at")
    return list(actions.values_list("action", flat=True))


def test_disagreement_is_stored_as_given(ready_case, colleague, api_of) -> None:
    response = api_of(colleague).post(reviews_url(ready_case), opinion(), format="json")
    review, prediction = Review.objects.get(), Prediction.objects.get()
    assert response.status_code == 201
    assert response.json() == {
        "id": str(review.pk),
        "case": ready_case.code,
        "prediction": str(prediction.pk),
        "reader": str(colleague.pk),
        "verdict": "disagree",
        "final_class": "meningioma",
        "other_finding": "",
        "confidence": 4,
        "comment": "Broad dural base.",
        "region": None,
        "active_seconds": None,
        "amends": None,
        "amended_by": None,
        "reason": "",
        "remark": False,
        "created_at": review.created_at.isoformat().replace("+00:00", "Z"),
    }
    assert (review.verdict, review.final_class, review.confidence, review.comment) == (
        "disagree",
        "meningioma",
        4,
        "Broad dural base.",
    )
    ready_case.refresh_from_db()
    assert (ready_case.state, events()) == ("reviewed", ["review.submitted"])


def test_agreement_takes_the_class_of_the_network(ready_case, colleague, api_of) -> None:
    said = opinion(verdict="agree", corrected_class=None, comment=None)
    response = api_of(colleague).post(reviews_url(ready_case), said, format="json")
    assert (response.status_code, response.json()["final_class"]) == (201, "glioma")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"verdict": "perhaps"}, "verdict"),
        ({"verdict": None}, "verdict"),
        ({"corrected_class": None}, "corrected_class"),
        ({"corrected_class": "glioma"}, "corrected_class"),
        ({"corrected_class": "lymphoma"}, "corrected_class"),
        ({"verdict": "agree"}, "corrected_class"),
        ({"confidence": 0}, "confidence"),
        ({"confidence": 6}, "confidence"),
        ({"confidence": "high"}, "confidence"),
        ({"confidence": True}, "confidence"),
        ({"confidence": None}, "confidence"),
        ({"comment": "x" * 4001}, "comment"),
        ({"prediction": None}, "prediction"),
        ({"prediction": "first"}, "prediction"),
        ({"prediction": str(uuid.uuid4())}, "prediction"),
        ({"corected_class": "meningioma"}, "corected_class"),
        ({"reason": "none"}, "reason"),
    ],
)
def test_review_that_does_not_hold_together_names_the_field_and_stores_nothing(
    changes, field, ready_case, colleague, api_of
) -> None:
    response = api_of(colleague).post(reviews_url(ready_case), opinion(**changes), format="json")
    assert list(problem_of(response, "invalid")["errors"]) == [field]
    ready_case.refresh_from_db()
    assert (Review.objects.count(), ready_case.state, events()) == (0, "open", [])


def test_result_of_another_case_is_refused(ready_case, submit, colleague, api_of) -> None:
    other = submit(seed=5)
    response = api_of(colleague).post(reviews_url(other), opinion(), format="json")
    assert list(problem_of(response, "invalid")["errors"]) == ["prediction"]
    assert Review.objects.count() == 0


def test_review_of_a_closed_case_is_refused_and_stores_nothing(ready_case, colleague, api_of) -> None:
    Case.objects.update(state="closed")
    response = api_of(colleague).post(reviews_url(ready_case), opinion(), format="json")
    assert "closed" in str(problem_of(response, "invalid"))
    ready_case.refresh_from_db()
    assert (Review.objects.count(), ready_case.state, events()) == (0, "closed", [])


@pytest.mark.parametrize(
    ("who", "code"),
    [("owner", "permission_denied"), ("stranger", "not_found"), ("exporter", "not_found")],
)
def test_review_without_the_right_is_refused_and_stores_nothing(
    who, code, ready_case, api_of, request
) -> None:
    client = api_of(request.getfixturevalue(who))
    for said in (opinion(), {}):
        body = problem_of(client.post(reviews_url(ready_case), said, format="json"), code)
        assert "glioma" not in str(body)
    ready_case.refresh_from_db()
    assert (Review.objects.count(), ready_case.state, events()) == (0, "open", [])


def test_second_review_of_the_same_reader_is_a_conflict_that_shows_the_first(
    reviewed_case, colleague, api_of
) -> None:
    response = api_of(colleague).post(
        reviews_url(reviewed_case), opinion(corrected_class="pituitary"), format="json"
    )
    body = problem_of(response, "conflict")
    first = Review.objects.get()
    assert (body["current"]["id"], body["current"]["final_class"]) == (str(first.pk), "meningioma")
    assert events() == ["review.submitted"]


def test_amendment_stands_beside_the_first_review(reviewed_case, colleague, api_of) -> None:
    first = Review.objects.get()
    response = api_of(colleague).post(amend_url(first.pk), amendment(), format="json")
    assert response.status_code == 201
    body = response.json()
    assert (body["amends"], body["reason"], body["verdict"], body["final_class"]) == (
        str(first.pk),
        "Second look.",
        "agree",
        "glioma",
    )
    shown = api_of(colleague).get(f"{API}cases/{reviewed_case.code}/").json()["reviews"]
    assert [(review["id"], review["amended_by"]) for review in shown] == [
        (body["id"], None),
        (str(first.pk), body["id"]),
    ]
    assert events() == ["review.submitted", "review.amended"]


def test_second_amendment_of_one_review_is_a_conflict_that_shows_the_newer(
    reviewed_case, colleague, api_of
) -> None:
    client, first = api_of(colleague), Review.objects.get()
    newer = client.post(amend_url(first.pk), amendment(), format="json").json()
    response = client.post(amend_url(first.pk), amendment(confidence=1), format="json")
    assert problem_of(response, "conflict")["current"]["id"] == newer["id"]
    assert Review.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"reason": None}, "reason"),
        ({"reason": "  "}, "reason"),
        ({"reason": "x" * 1001}, "reason"),
        ({"verdict": "disagree"}, "corrected_class"),
        ({"prediction": str(uuid.uuid4())}, "prediction"),
    ],
)
def test_amendment_that_does_not_hold_together_names_the_field_and_stores_nothing(
    changes, field, reviewed_case, colleague, api_of
) -> None:
    first = Review.objects.get()
    response = api_of(colleague).post(amend_url(first.pk), amendment(**changes), format="json")
    assert list(problem_of(response, "invalid")["errors"]) == [field]
    assert Review.objects.get() == first


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("owner", "not_found"),
        ("administrator", "permission_denied"),
        ("stranger", "not_found"),
        ("exporter", "not_found"),
    ],
)
def test_review_of_somebody_else_cannot_be_amended(who, code, reviewed_case, api_of, request) -> None:
    first = Review.objects.get()
    client = api_of(request.getfixturevalue(who))
    problem_of(client.post(amend_url(first.pk), amendment(), format="json"), code)
    assert Review.objects.get() == first


@pytest.mark.parametrize("review_id", [uuid.uuid4(), "1", "first"])
def test_amendment_of_no_such_review_is_not_found(review_id, reviewed_case, colleague, api_of) -> None:
    problem_of(api_of(colleague).post(amend_url(review_id), amendment(), format="json"), "not_found")
    assert Review.objects.count() == 1


def test_wrong_verbs_on_a_review_change_nothing(reviewed_case, colleague, api_of) -> None:
    client, first = api_of(colleague), Review.objects.get()
    for verb in ("get", "put", "patch", "delete"):
        problem_of(getattr(client, verb)(amend_url(first.pk)), "method_not_allowed")
    for verb in ("put", "patch", "delete"):
        problem_of(getattr(client, verb)(reviews_url(reviewed_case)), "method_not_allowed")
    assert Review.objects.get() == first
