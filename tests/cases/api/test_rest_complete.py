"""What REST has beside cases and reviews: cohorts, plans, protocols, known classes, audit, pictures, maps,
results, first reads, adjudications, networks.
"""

from __future__ import annotations

import gzip
import io
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import nibabel
import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as PillowImage

from cases import storage
from cases.models import Adjudication, AuditEvent, Case, Cohort, Disclosure, Prediction, Protocol
from inference.canonical import decode_canonical
from tests.cases.api.support import API, problem_of
from tests.cast import UNKNOWN_ID, make_maps

pytestmark = pytest.mark.both_databases


@pytest.fixture
def client(administrator, api_of):
    return api_of(administrator)


@pytest.fixture
def home(cohort) -> str:
    return f"{API}cohorts/{cohort.pk}/"


@pytest.fixture
def disputed(ready_case, under_protocol, colleague, second, referee, review_as) -> Case:
    """The colleague agrees with glioma, the second reader says meningioma."""
    under_protocol(readers_required=2, adjudicator=referee)
    review_as(colleague, ready_case, comment="Ring.")
    review_as(second, ready_case, corrected="meningioma", confidence=5)
    ready_case.refresh_from_db()
    return ready_case


# --- Cohorts -------------------------------------------------------------------------------------


def test_cohort_is_made_once_with_its_plan_and_administered_by_its_maker(client, administrator) -> None:
    plan = {"readers": 6, "cases_a_reader": 200, "until": "2099-12-31"}
    given = {"name": "East", "description": "Second site.", "plan": plan}
    key = {"Idempotency-Key": "east"}
    made = client.post(f"{API}cohorts/", given, format="json", headers=key)
    again = client.post(f"{API}cohorts/", given, format="json", headers=key)
    cohort = Cohort.objects.get(name="East")
    assert (made.status_code, again.status_code, again.json()) == (201, 201, made.json())
    assert made["Location"] == again["Location"] == f"http://testserver{API}cohorts/{cohort.pk}/"
    body = client.get(made["Location"]).json()
    assert body == made.json()
    assert (body["name"], body["role"], body["plan"]) == ("East", "administrator", plan)
    body = problem_of(client.post(f"{API}cohorts/", given, format="json"), "invalid")
    assert body["errors"] == {"name": ["There is a cohort of this name already."]}


def test_cohort_is_shown_to_its_people_and_its_plan_to_administrators(
    client, home, colleague, stranger, api_of
) -> None:
    assert client.get(home).json()["plan"] == {"readers": None, "cases_a_reader": None, "until": None}
    assert api_of(colleague).get(home).json()["plan"] is None
    problem_of(api_of(stranger).get(home), "not_found")
    problem_of(api_of(colleague).post(f"{API}cohorts/", {"name": "X"}, format="json"), "permission_denied")
    problem_of(api_of(colleague).get(f"{home}plan/"), "permission_denied")
    problem_of(client.get(f"{API}cohorts/{UNKNOWN_ID}/"), "not_found")


def test_plan_is_settled_from_the_state_that_was_seen(client, home, cohort, under_protocol) -> None:
    page, given = f"{home}plan/", {"readers": 3, "until": f"{timezone.localdate() + timedelta(days=9)}"}
    tag = client.get(page)["ETag"]
    problem_of(client.put(page, given, format="json"), "precondition_required")
    settled = client.put(page, given, format="json", headers={"If-Match": tag})
    assert settled.json() == given | {"cases_a_reader": None}
    problem_of(client.put(page, {}, format="json", headers={"If-Match": tag}), "precondition_failed")
    under_protocol(readers_required=2)
    fresh = {"If-Match": client.get(page)["ETag"]}
    body = problem_of(client.put(page, {"readers": 1}, format="json", headers=fresh), "invalid")
    assert "plan at least as many" in body["errors"]["planned_readers"][0]
    body = problem_of(client.put(page, {"readers": 0}, format="json", headers=fresh), "invalid")
    assert list(body["errors"]) == ["readers"]
    cohort.refresh_from_db()
    assert cohort.planned_readers == 3


def test_protocol_is_changed_by_version_and_keeps_what_was_read_under(
    client, home, cohort, ready_case, colleague, commit_as, referee
) -> None:
    page, given = f"{home}protocol/", {"reading": "blinded", "readers_required": 2}
    first = client.get(page)
    assert first.json() == {
        "version": 1,
        "reading": "ai_first",
        "readers_required": 1,
        "reading_order": "oldest",
        "adjudicator": None,
        "reveals_ground_truth": True,
        "has_sentinels": False,
        "has_begun": False,
    }
    blinded = client.put(page, given, format="json", headers={"If-Match": first["ETag"]})
    assert (blinded.json()["version"], blinded.json()["reading"]) == (1, "blinded")
    commit_as(colleague, ready_case)
    problem_of(
        client.put(page, given, format="json", headers={"If-Match": blinded["ETag"]}), "precondition_failed"
    )
    tag = {"If-Match": client.get(page)["ETag"]}
    changed = given | {"adjudicator": str(referee.pk)}
    body = problem_of(client.put(page, changed, format="json", headers=tag), "invalid")
    assert list(body["errors"]) == ["reason"]
    body = problem_of(
        client.put(page, changed | {"adjudicator": UNKNOWN_ID}, format="json", headers=tag), "invalid"
    )
    assert body["errors"] == {"adjudicator": ["The adjudicator has to be a reader of this cohort."]}
    second = client.put(page, changed | {"reason": "Too many ties."}, format="json", headers=tag).json()
    assert (second["version"], second["adjudicator"], second["has_begun"]) == (2, str(referee.pk), False)
    kept = client.get(f"{home}protocols/").json()
    assert [(each["version"], each["adjudicator"]) for each in kept] == [(1, None)]
    assert Protocol.objects.count() == 1


def test_readers_are_named_to_administrators_and_that_is_written_down(
    client, home, colleague, administrator, api_of
) -> None:
    told = client.get(f"{home}readers/").json()
    assert told == [
        {"reader": str(each.pk), "name": each.full_name, "email": each.email}
        for each in (administrator, colleague)
    ]
    assert AuditEvent.objects.get(action="readers.named").details == {"n": 2}
    problem_of(api_of(colleague).get(f"{home}readers/"), "permission_denied")


def test_known_classes_are_tried_then_set_all_or_nothing(client, home, cohort, submit) -> None:
    known, new = submit(seed=0, ground_truth="glioma"), submit(seed=1)
    page, reason = f"{home}truth/", {"reason": "Histology."}
    fits = {
        "entries": [{"case": new.code.lower(), "known_class": "meningioma", "patient": "PATIENT-7"}]
    } | reason
    tried = client.post(page, fits | {"dry_run": True}, format="json")
    assert tried.json() == {
        "written": 0,
        "new": 1,
        "same": 0,
        "contradicting": [],
        "unknown_left": 0,
        "marked": 0,
        "unmarked": 0,
    }
    assert client.get(page).json()["results"][1] == {
        "case": new.code,
        "known_class": None,
        "has_patient_key": False,
        "sentinel": False,
    }
    assert client.post(page, fits, format="json").json()["written"] == 1
    against = {"entries": [{"case": known.code, "known_class": "pituitary"}]} | reason
    body = problem_of(client.post(page, against, format="json"), "contradiction")
    assert body["contradicting"] == [
        {"case": known.code, "message": "known as glioma, in the file pituitary"}
    ]
    known.refresh_from_db()
    assert known.ground_truth == "glioma"
    assert client.post(page, against | {"replace": True}, format="json").json()["written"] == 1
    rows = client.get(page, {"page_size": 1}).json()
    assert rows["results"] == [
        {"case": known.code, "known_class": "pituitary", "has_patient_key": False, "sentinel": False}
    ]
    (last,) = client.get(rows["next"]).json()["results"]
    assert last == {
        "case": new.code,
        "known_class": "meningioma",
        "has_patient_key": True,
        "sentinel": False,
    }
    assert "PATIENT-7" not in str(AuditEvent.objects.values_list("details", flat=True))


def test_entries_that_cannot_be_are_told_by_their_place(client, home, submit) -> None:
    case = submit()
    entries = [
        {"case": case.code, "known_class": "cat"},
        {"case": "XXXX-XXXX", "known_class": "glioma"},
    ]
    given = {"entries": entries, "reason": "Histology."}
    body = problem_of(client.post(f"{home}truth/", given, format="json"), "invalid")
    first, second = body["errors"]["entries"]
    assert first.startswith("0: There is no class cat; known are glioma")
    assert second == "1: There is no case XXXX-XXXX in this cohort."
    for wrong, field in (({"reason": " "}, "reason"), ({"entries": []}, "entries"), ({"a": 1}, "a")):
        body = problem_of(client.post(f"{home}truth/", given | wrong, format="json"), "invalid")
        assert list(body["errors"]) == [field]


def test_sentinels_are_marked_with_their_known_classes_and_tried_first(
    client, home, submit, under_protocol
) -> None:
    under_protocol(reveals_ground_truth=False, has_sentinels=True)
    known, new, third = submit(seed=0, ground_truth="glioma"), submit(seed=1), submit(seed=2)
    page = f"{home}truth/"
    entries = [
        {"case": known.code, "sentinel": True},
        {"case": new.code, "known_class": "pituitary", "sentinel": True},
        {"case": third.code, "known_class": "glioma", "sentinel": None},
    ]
    given = {"entries": entries, "reason": "Histology."}

    def counts(more: dict[str, Any]) -> tuple[int, int, int]:
        told = client.post(page, given | more, format="json").json()
        return told["written"], told["marked"], told["unmarked"]

    def told() -> list[bool]:
        return [row["sentinel"] for row in client.get(page).json()["results"]]

    assert counts({"dry_run": True}) == (0, 2, 0)
    assert told() == [False, False, False]
    assert counts({}) == (3, 2, 0)
    assert told() == [True, True, False]
    assert AuditEvent.objects.filter(action="sentinel.marked").count() == 2
    assert counts({"entries": [{"case": known.code, "sentinel": False}]}) == (1, 0, 1)
    assert told() == [False, True, False]


def test_sentinel_without_protocol_or_of_another_word_is_told_and_nothing_is_written(
    client, home, submit
) -> None:
    case, page = submit(ground_truth="glioma"), f"{home}truth/"
    given = {"entries": [{"case": case.code, "sentinel": True}], "reason": "Histology."}
    body = problem_of(client.post(page, given, format="json"), "invalid")
    assert body["errors"]["entries"] == [
        "0: The protocol has no sentinels: say in it that they may be mixed in."
    ]
    given["entries"] = [{"case": case.code, "sentinel": "perhaps"}]
    body = problem_of(client.post(page, given, format="json"), "invalid")
    assert list(body["errors"]) == ["entries"]
    case.refresh_from_db()
    assert not case.is_sentinel


def test_audit_is_paged_newest_first_narrowed_and_written_down_where_it_tells_classes(
    client, home, cohort, submit, administrator
) -> None:
    case = submit()
    client.post(
        f"{home}truth/",
        {"entries": [{"case": case.code, "known_class": "glioma"}], "reason": "Histology."},
        format="json",
    )
    (event,) = client.get(f"{home}audit/", {"action": "truth.set"}).json()["results"]
    assert (event["actor"], event["subject"]) == (str(administrator.pk), str(case.pk))
    assert event["details"] == {"before": "", "after": "glioma", "reason": "Histology."}
    assert Disclosure.objects.get(user=administrator).kind == "truth"
    actions, page = [], client.get(f"{home}audit/", {"page_size": 1}).json()
    while True:
        actions += [row["action"] for row in page["results"]]
        if page["next"] is None:
            break
        page = client.get(page["next"]).json()
    assert actions == list(
        AuditEvent.objects.filter(cohort=cohort).order_by("-at", "-id").values_list("action", flat=True)
    )
    assert client.get(f"{home}audit/", {"until": "2020-01-01"}).json()["results"] == []
    problem_of(client.get(f"{home}audit/", {"since": "2026-01-31T08:00"}), "invalid")
    problem_of(client.get(f"{home}audit/", {"cursor": "abc"}), "invalid")


def test_cursor_of_another_list_or_of_other_filters_is_refused(client, home, submit) -> None:
    for seed in range(2):
        submit(seed=seed)
    following = client.get(f"{home}truth/", {"page_size": 1}).json()["next"]
    cursor = parse_qs(urlsplit(following).query)["cursor"][0]
    assert client.get(f"{home}truth/", {"cursor": cursor, "page_size": 5}).status_code == 200
    for address, more in (
        (f"{home}audit/", {}),
        (f"{API}cases/", {}),
        (f"{home}audit/", {"action": "truth.set"}),
    ):
        body = problem_of(client.get(address, {"cursor": cursor} | more), "invalid")
        assert body["errors"] == {
            "cursor": ["This cursor is of another list, or of other filters. Begin at the first page."]
        }
    narrowed = client.get(f"{API}cases/", {"page_size": 1}).json()["next"]
    assert client.get(narrowed).status_code == 200
    problem_of(client.get(f"{narrowed}&state=open"), "invalid")


# --- Pictures, results and maps -------------------------------------------------------------------


def test_picture_comes_as_png_npy_and_nifti(ready_case, owner, api_of) -> None:
    client, page = api_of(owner), f"{API}cases/{ready_case.code}/images/0/"
    stored = decode_canonical(storage.load(ready_case.images.get().file))
    png = client.get(page)
    assert (png["Content-Type"], PillowImage.open(io.BytesIO(png.content)).size) == ("image/png", (64, 64))
    assert client.get(page, headers={"If-None-Match": png["ETag"]}).status_code == 304
    npy = client.get(page, {"format": "npy"})
    np.testing.assert_array_equal(np.load(io.BytesIO(npy.content)), stored)
    assert (npy["Content-Type"], npy["ETag"] != png["ETag"]) == ("application/x-npy", True)
    nifti = client.get(page, headers={"Accept": "application/gzip"})
    assert nibabel.Nifti1Image.from_bytes(gzip.decompress(nifti.content)).shape[:2] == (64, 64)
    problem_of(client.get(f"{API}cases/{ready_case.code}/images/1/"), "not_found")
    problem_of(client.get(page, {"format": "jpeg"}), "invalid")
    problem_of(client.get(page, {"channel": "infrared"}), "invalid")


def test_results_lead_to_their_maps(ready_case, colleague, api_of) -> None:
    client = api_of(colleague)
    (told,) = client.get(f"{API}cases/{ready_case.code}/predictions/").json()
    prediction = Prediction.objects.get()
    assert (told["prediction"], told["predicted_class"]) == (str(prediction.pk), "glioma")
    assert (told["model_version"], told["position"]) == ("test-cnn-1", 0)
    address = told["maps"]["conv_3"]["meningioma"]
    answer = client.get(address, {"format": "npy"})
    fields = np.load(io.BytesIO(answer.content))
    np.testing.assert_array_equal(fields, make_maps().values["conv_3"][1])
    assert answer["Map-Square"] == "64 0 0"
    assert PillowImage.open(io.BytesIO(client.get(address).content)).size == (64, 64)
    assert client.get(address, {"format": "nifti"})["Content-Type"] == "application/gzip"
    assert Disclosure.objects.filter(user=colleague, kind="network").count() == 1
    problem_of(client.get(address.replace("conv_3", "conv_9")), "not_found")
    problem_of(client.get(address.replace("meningioma", "cat")), "not_found")
    problem_of(client.get(address, {"colours": "pink"}), "invalid")
    storage.discard(prediction.maps_file)
    problem_of(client.get(address, {"interpolation": "nearest"}), "unavailable")


def test_blinded_reader_gets_no_result_and_no_map_before_the_own_read(
    blinded, ready_case, colleague, owner, commit_as, api_of
) -> None:
    client, prediction = api_of(colleague), Prediction.objects.get()
    page = f"{API}cases/{ready_case.code}/"
    one_map = f"{page}predictions/{prediction.pk}/maps/conv_3/glioma/"
    assert client.get(f"{page}predictions/").json() == []
    problem_of(client.get(one_map), "not_found")
    assert client.get(f"{page}images/0/").status_code == 200
    assert not Disclosure.objects.exists()
    commit_as(colleague, ready_case)
    assert len(client.get(f"{page}predictions/").json()) == 1
    assert client.get(one_map).status_code == 200
    problem_of(api_of(owner).get(f"{page}predictions/"), "permission_denied")
    problem_of(api_of(owner).get(one_map), "permission_denied")


# --- Reads ---------------------------------------------------------------------------------------


def test_reads_of_others_are_listed_once_they_lie_open(
    under_protocol, ready_case, colleague, second, owner, commit_as, review_as, api_of
) -> None:
    under_protocol(reading="blinded", readers_required=2)
    page = f"{API}cases/{ready_case.code}/"
    for reader, said in ((colleague, "glioma"), (second, "meningioma")):
        commit_as(reader, ready_case, said)
    review_as(colleague, ready_case)
    client = api_of(colleague)
    assert [each["read_class"] for each in client.get(f"{page}first-reads/").json()] == ["glioma"]
    assert [each["verdict"] for each in client.get(f"{page}reviews/").json()] == ["agree"]
    assert not Disclosure.objects.filter(user=colleague, kind="peers").exists()
    review_as(second, ready_case, corrected="meningioma")
    firsts = client.get(f"{page}first-reads/").json()
    assert [each["read_class"] for each in firsts] == ["meningioma", "glioma"]
    reviews = client.get(f"{page}reviews/").json()
    assert [each["verdict"] for each in reviews] == ["disagree", "agree"]
    assert Disclosure.objects.filter(user=colleague, kind="peers").count() == 1
    problem_of(api_of(owner).get(f"{page}reviews/"), "permission_denied")
    problem_of(api_of(owner).get(f"{page}first-reads/"), "permission_denied")


def test_adjudicator_sees_sides_without_verdicts_and_decides_once(
    disputed, referee, colleague, api_of
) -> None:
    client, page = api_of(referee), f"{API}cases/{disputed.code}/adjudication/"
    body = client.get(page).json()
    assert (body["state"], body["decision"]) == ("disputed", None)
    said = {side["final_class"]: side for side in body["sides"]}
    assert {side["letter"] for side in body["sides"]} == {"A", "B"}
    assert said["glioma"] == {
        "letter": said["glioma"]["letter"],
        "final_class": "glioma",
        "other_finding": "",
        "confidence": 4,
        "comment": "Ring.",
        "region": None,
        "first_read_class": None,
    }
    assert Disclosure.objects.filter(user=referee, kind="peers").count() == 1
    reader = api_of(colleague)
    assert reader.get(page).json() == {"state": "disputed", "sides": None, "decision": None}
    given = {"read_class": "meningioma", "confidence": 5, "comment": "Dural tail."}
    problem_of(reader.post(page, given, format="json"), "permission_denied")
    problem_of(client.post(page, given | {"read_class": "cat"}, format="json"), "invalid")
    key = {"Idempotency-Key": "decision"}
    decided = client.post(page, given, format="json", headers=key)
    assert (decided.status_code, decided.json()["final_class"]) == (201, "meningioma")
    assert client.post(page, given, format="json", headers=key).json() == decided.json()
    problem_of(client.post(page, given, format="json"), "wrong_state")
    assert Adjudication.objects.count() == 1
    assert reader.get(page).json() == {"state": "reviewed", "sides": None, "decision": decided.json()}


# --- Networks ------------------------------------------------------------------------------------


def test_networks_are_listed_for_administrators(client, newer_version, colleague, api_of) -> None:
    told = client.get(f"{API}model-versions/").json()
    assert [(each["name"], each["is_active"]) for each in told] == [
        ("test-cnn-2", True),
        ("test-cnn-1", False),
    ]
    assert told[0]["title"] == "A small network for tests"
    assert [each["code"] for each in told[0]["classes"]] == ["glioma", "meningioma", "notumor", "pituitary"]
    assert (told[0]["negative_class"], told[0]["has_gate"], told[0]["figures"]) == ("notumor", False, [])
    problem_of(api_of(colleague).get(f"{API}model-versions/"), "permission_denied")


# --- The page ------------------------------------------------------------------------------------


def test_swagger_ui_is_served_from_our_own_origin(db, client_of, colleague) -> None:
    from django.contrib.staticfiles import finders

    page = client_of(colleague).get(f"{API}docs/")
    text = page.content.decode()
    assert "https://" not in text.replace("https://secondread.example", "")
    assert f'data-schema="{API}schema/"' in text
    for name in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert finders.find(f"drf_spectacular_sidecar/swagger-ui-dist/{name}")
        assert f"/static/drf_spectacular_sidecar/swagger-ui-dist/{name}" in text
