"""Cohorts and cases over REST: who sees what of them, and the retry."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cases.analysis import jobs
from cases.lifecycle import JobStatus
from cases.models import AuditEvent, Job, Membership, Prediction, Review
from tests.cases.api.support import API, problem_of
from tests.cast import make_png_bytes, sha256_of

URL = f"{API}cases/"


def fail(case) -> Job:
    """Let the case's job fail for good, as a worker does."""
    claim = jobs.lease(case.images.get().jobs.get().pk)
    assert claim is not None
    jobs.fail(claim, jobs.Failure("image_missing", "The stored image is missing.", retryable=False))
    return Job.objects.get()


@pytest.mark.parametrize(
    ("who", "role", "rights"),
    [
        ("owner", "technologist", ["upload", "view", "retry"]),
        ("colleague", "radiologist", ["upload", "view", "read", "review", "retry"]),
        (
            "administrator",
            "administrator",
            ["upload", "view", "read", "review", "retry", "export", "manage"],
        ),
        ("exporter", "exporter", ["export"]),
    ],
)
def test_cohorts_come_with_the_rights_of_the_role(
    who, role, rights, cohort, other_cohort, api_of, request
) -> None:
    assert api_of(request.getfixturevalue(who)).get(f"{API}cohorts/").json() == [
        {
            "id": str(cohort.pk),
            "name": "North",
            "description": "",
            "reading": "ai_first",
            "readers_required": 1,
            "protocol_version": 1,
            "role": role,
            "rights": rights,
        }
    ]


def test_superuser_has_every_cohort_and_right(cohort, other_cohort, make_person, api_of) -> None:
    root = make_person("root")
    root.is_superuser = True
    root.save()
    found = api_of(root).get(f"{API}cohorts/").json()
    assert [(entry["name"], entry["role"], len(entry["rights"])) for entry in found] == [
        ("North", None, 7),
        ("South", None, 7),
    ]


def test_list_shows_states_newest_first_and_no_result(ready_case, submit, owner, colleague, api_of) -> None:
    waiting = submit(seed=1)
    for user in (owner, colleague):
        body = api_of(user).get(URL).json()
        assert (body["next"], body["previous"]) == (None, None)
        assert [(row["code"], row["job_status"], row["state"]) for row in body["results"]] == [
            (waiting.code, "queued", "open"),
            (ready_case.code, "succeeded", "open"),
        ]
        assert body["results"][1] == {
            "code": ready_case.code,
            "url": f"http://testserver/api/v1/cases/{ready_case.code}/",
            "cohort": "North",
            "state": "open",
            "job_status": "succeeded",
            "simulated": False,
            "created_at": ready_case.created_at.isoformat().replace("+00:00", "Z"),
        }


def test_list_of_stranger_is_empty_and_the_cohort_unknown_there(ready_case, stranger, api_of) -> None:
    client = api_of(stranger)
    assert client.get(URL).json()["results"] == []
    north = problem_of(client.get(URL, {"cohort": "North"}), "invalid")
    nowhere = problem_of(client.get(URL, {"cohort": "Nowhere"}), "invalid")
    assert north["errors"]["cohort"][0].replace("North", "Nowhere") == nowhere["errors"]["cohort"][0]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "reviewed"}, ["reviewed"]),
        ({"state": "open"}, ["waiting"]),
        ({"job_status": "queued"}, ["waiting"]),
        ({"job_status": "succeeded", "cohort": "North"}, ["reviewed"]),
        ({"job_status": "failed"}, []),
    ],
)
def test_list_is_narrowed_by_its_parameters(query, found, reviewed_case, submit, colleague, api_of) -> None:
    codes = {reviewed_case.code: "reviewed", submit(seed=1).code: "waiting"}
    rows = api_of(colleague).get(URL, query).json()["results"]
    assert [codes[row["code"]] for row in rows] == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("state", "lost"),
        ("job_status", "ready"),
        ("predicted_class", "glioma"),
        ("page_size", "-1"),
        ("format", "csv"),
    ],
)
def test_list_refuses_what_it_does_not_know(name, value, submitted_case, colleague, api_of) -> None:
    response = api_of(colleague).get(URL, {name: value})
    if name == "format":
        problem_of(response, "not_found")
    else:
        assert list(problem_of(response, "invalid")["errors"]) == [name]


def test_list_pages_hold_each_case_once(submit, colleague, api_of, monkeypatch) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: noon)
    same = {submit(seed=seed).code for seed in range(4)}
    monkeypatch.setattr(timezone, "now", lambda: noon + timedelta(seconds=1))
    newest = submit(seed=9).code
    monkeypatch.undo()
    client, url, pages = api_of(colleague), f"{URL}?page_size=2", []
    while url:
        body = client.get(url).json()
        pages.append([row["code"] for row in body["results"]])
        url = body["next"]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert pages[0][0] == newest
    assert {code for page in pages for code in page} == same | {newest}


def test_reader_gets_the_whole_case(reviewed_case, colleague, api_of) -> None:
    body = api_of(colleague).get(f"{URL}{reviewed_case.code}/").json()
    prediction, review, job = Prediction.objects.get(), Review.objects.get(), Job.objects.get()

    def iso(moment) -> str:
        return moment.isoformat().replace("+00:00", "Z")

    probabilities = body["prediction"].pop("probabilities")
    assert probabilities == pytest.approx(
        {"glioma": 0.7, "meningioma": 0.1, "notumor": 0.1, "pituitary": 0.1}
    )
    assert body["results"][0].pop("probabilities") == probabilities
    assert body == {
        "code": reviewed_case.code,
        "url": f"http://testserver/api/v1/cases/{reviewed_case.code}/",
        "cohort": "North",
        "state": "reviewed",
        "simulated": False,
        "created_at": iso(reviewed_case.created_at),
        "images": [
            {
                "position": 0,
                "width": 64,
                "height": 64,
                "bit_depth": 8,
                "colour": "grey",
                "source_format": "png",
                "source_bytes": len(make_png_bytes()),
                "source_sha256": sha256_of(make_png_bytes()),
                "notices": [],
            }
        ],
        "job": {
            "status": "succeeded",
            "attempts": 1,
            "model_version": "test-cnn-1",
            "queued_at": iso(job.queued_at),
            "started_at": iso(job.started_at),
            "finished_at": iso(job.finished_at),
            "error": None,
        },
        "progress": {"images": 1, "analysed": 1, "failed": 0},
        "results": [
            {
                "position": 0,
                "prediction": str(prediction.pk),
                "predicted_class": "glioma",
                "predicted_probability": 0.7,
                "gate_verdict": None,
            }
        ],
        "prediction": {
            "id": str(prediction.pk),
            "position": 0,
            "model_version": "test-cnn-1",
            "predicted_class": "glioma",
            "predicted_label": "Glioma",
            "predicted_probability": 0.7,
            "gate_verdict": None,
            "gate_distance": None,
            "trained_on": None,
            "classes": [
                {"code": "glioma", "label": "Glioma"},
                {"code": "meningioma", "label": "Meningioma"},
                {"code": "notumor", "label": "No tumour"},
                {"code": "pituitary", "label": "Pituitary tumour"},
            ],
            "layers": [
                {"name": "conv_1", "label": "Layer 1", "grid": [32, 32], "channels": 16},
                {"name": "conv_2", "label": "Layer 2", "grid": [16, 16], "channels": 32},
                {"name": "conv_3", "label": "Layer 3", "grid": [8, 8], "channels": 64},
            ],
            "created_at": iso(prediction.created_at),
        },
        "reading": "ai_first",
        "first_read": None,
        "reviews": [
            {
                "id": str(review.pk),
                "case": reviewed_case.code,
                "prediction": str(prediction.pk),
                "reader": str(colleague.pk),
                "verdict": "disagree",
                "final_class": "meningioma",
                "other_finding": "",
                "confidence": 4,
                "comment": "",
                "region": None,
                "active_seconds": None,
                "amends": None,
                "amended_by": None,
                "reason": "",
                "remark": False,
                "created_at": iso(review.created_at),
            }
        ],
    }


def test_technologist_sees_states_but_nothing_of_the_result(reviewed_case, owner, api_of) -> None:
    response = api_of(owner).get(f"{URL}{reviewed_case.code}/")
    body = response.json()
    assert (body["prediction"], body["reviews"]) == (None, None)
    assert (body["job"]["status"], body["state"]) == ("succeeded", "reviewed")
    listed = api_of(owner).get(URL)
    for answer in (response, listed):
        for word in ("glioma", "meningioma", ": 0.7", "conv_", "disagree"):
            assert word not in json.dumps(answer.json())


def test_case_without_result_has_none(submitted_case, colleague, api_of) -> None:
    body = api_of(colleague).get(f"{URL}{submitted_case.code}/").json()
    assert (body["prediction"], body["reviews"], body["job"]["status"]) == (None, [], "queued")


def test_code_may_be_in_lower_case(submitted_case, colleague, api_of) -> None:
    body = api_of(colleague).get(f"{URL}{submitted_case.code.lower()}/").json()
    assert body["code"] == submitted_case.code


def test_case_of_another_cohort_is_not_found(reviewed_case, stranger, api_of) -> None:
    body = problem_of(api_of(stranger).get(f"{URL}{reviewed_case.code}/"), "not_found")
    assert body["detail"] == "There is no case of this code, or you may not see it."


def test_failed_case_says_why_and_is_queued_again(
    submitted_case, owner, api_of, enqueued, django_capture_on_commit_callbacks
) -> None:
    job, client = fail(submitted_case), api_of(owner)
    shown = client.get(f"{URL}{submitted_case.code}/").json()["job"]
    assert (shown["status"], shown["error"]) == (
        "failed",
        {"code": "image_missing", "message": "The stored image is missing."},
    )
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"{URL}{submitted_case.code}/retry/")
    assert response.status_code == 202
    assert (response.json()["status"], response.json()["error"]) == ("queued", None)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.error_code) == (JobStatus.QUEUED, 0, "")
    assert enqueued == [job.pk]
    assert AuditEvent.objects.filter(action="job.retried", actor=owner).count() == 1


@pytest.mark.parametrize("fixture", ["submitted_case", "ready_case"])
def test_retry_of_what_did_not_fail_is_a_conflict(fixture, colleague, api_of, request) -> None:
    case = request.getfixturevalue(fixture)
    before = Job.objects.values().get()
    problem_of(api_of(colleague).post(f"{URL}{case.code}/retry/"), "wrong_state")
    assert Job.objects.values().get() == before


def test_retry_by_stranger_or_exporter_is_not_found_and_changes_nothing(
    submitted_case, stranger, exporter, api_of
) -> None:
    fail(submitted_case)
    before = Job.objects.values().get()
    for user in (stranger, exporter):
        problem_of(api_of(user).post(f"{URL}{submitted_case.code}/retry/"), "not_found")
    assert Job.objects.values().get() == before


def test_case_is_gone_once_the_membership_is(ready_case, colleague, api_of) -> None:
    Membership.objects.filter(user=colleague).delete()
    problem_of(api_of(colleague).get(f"{URL}{ready_case.code}/"), "not_found")
    problem_of(api_of(colleague).get(URL), "permission_denied")


# --- Many images ----------------------------------------------------------------


def test_case_of_many_images_answers_with_each_ones_result(
    submit_many, analyse_as, colleague, api_of
) -> None:
    case = submit_many(3)
    client = api_of(colleague)
    analyse_as(case, "notumor", position=0)
    body = client.get(f"{URL}{case.code}/").json()
    assert (body["job"]["status"], body["prediction"], body["results"]) == ("queued", None, [])
    assert body["progress"] == {"images": 3, "analysed": 1, "failed": 0}
    analyse_as(case, "notumor", 0.9, position=1)
    analyse_as(case, "glioma", 0.6, position=2)
    body = client.get(f"{URL}{case.code}/").json()
    assert (body["prediction"]["position"], body["prediction"]["predicted_class"]) == (2, "glioma")
    assert [(each["position"], each["predicted_class"]) for each in body["results"]] == [
        (0, "notumor"),
        (1, "notumor"),
        (2, "glioma"),
    ]
    assert len(client.get(URL).json()["results"]) == 1


def test_queries_for_a_case_do_not_grow_with_its_images(submit_many, analyse_as, colleague, api_of) -> None:
    client = api_of(colleague)
    costs = []
    for count in (2, 8):
        case = submit_many(count, first_seed=100 * count)
        for position in range(count):
            analyse_as(case, position=position)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"{URL}{case.code}/").status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_retry_queues_every_failed_image(submit_many, analyse_as, fail_as, owner, api_of) -> None:
    case = submit_many(3)
    for position in (0, 2):
        fail_as(case, position=position)
    analyse_as(case, position=1)
    response = api_of(owner).post(f"{URL}{case.code}/retry/")
    assert (response.status_code, response.json()["status"]) == (202, "queued")
    states = Job.objects.order_by("image__position").values_list("status", flat=True)
    assert list(states) == ["queued", "succeeded", "queued"]
