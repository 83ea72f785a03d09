"""Webhooks over REST; and what holds of all that creates or overwrites: Idempotency-Key and If-Match."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from cases.api.tasks import forget_kept_answers
from cases.exchange.webhooks import hooks
from cases.exchange.webhooks.signing import secret_of
from cases.models import AuditEvent, KeptAnswer, Membership, Webhook
from tests.cases.api.support import API, problem_of
from tests.cast import UNKNOWN_ID

pytestmark = pytest.mark.both_databases

GIVEN = {"url": "https://hooks.example.org/a", "events": ["review.final", "case.ready"]}


@pytest.fixture
def client(administrator, api_of):
    return api_of(administrator)


@pytest.fixture
def address(cohort) -> str:
    return f"{API}cohorts/{cohort.pk}/webhooks/"


@pytest.fixture
def hook(administrator, cohort) -> Webhook:
    return hooks.create_webhook(
        by=administrator, cohort=cohort, url="https://hooks.example.org/b", events=["case.ready"]
    )


def test_webhook_is_made_with_its_secret_and_looked_at_without(client, address, cohort) -> None:
    made = client.post(address, GIVEN, format="json")
    hook = Webhook.objects.get()
    assert made.status_code == 201
    assert made.json() == {
        "id": str(hook.pk),
        "cohort": str(cohort.pk),
        "url": GIVEN["url"],
        "events": ["case.ready", "review.final"],
        "created_at": hook.created_at.isoformat().replace("+00:00", "Z"),
        "paused_at": None,
        "failing_since": None,
        "secret": secret_of(hook),
    }
    one = client.get(f"{API}webhooks/{hook.pk}/")
    assert one.json() == made.json() | {"secret": None}
    assert one["ETag"] == made["ETag"]
    assert client.get(address).json() == [one.json()]


def test_webhook_that_cannot_be_is_refused_by_field(client, address, hook) -> None:
    for wrong, field in (
        ({"url": "http://hooks.example.org/"}, "url"),
        ({"url": hook.url}, "url"),
        ({"url": "https://[::1]/"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["case.lost"]}, "events"),
        ({"event": "case.ready"}, "event"),
    ):
        body = problem_of(client.post(address, GIVEN | wrong, format="json"), "invalid")
        assert list(body["errors"]) == [field]
    assert Webhook.objects.count() == 1


def test_change_wants_the_state_that_it_starts_from(client, hook) -> None:
    page = f"{API}webhooks/{hook.pk}/"
    problem_of(client.put(page, GIVEN, format="json"), "precondition_required")
    tag = client.get(page)["ETag"]
    problem_of(client.put(page, GIVEN, format="json", headers={"If-Match": '"0"'}), "precondition_failed")
    problem_of(
        client.put(page, GIVEN, format="json", headers={"If-Match": f"W/{tag}"}), "precondition_failed"
    )
    changed = client.put(page, GIVEN, format="json", headers={"If-Match": f'"0", {tag}'})
    assert (changed.status_code, changed.json()["url"]) == (200, GIVEN["url"])
    problem_of(client.put(page, GIVEN, format="json", headers={"If-Match": tag}), "precondition_failed")
    problem_of(client.delete(page, headers={"If-Match": tag}), "precondition_failed")
    assert client.delete(page, headers={"If-Match": changed["ETag"]}).status_code == 204
    assert Webhook.objects.count() == 0


def test_webhook_is_tried_paused_renewed_and_its_events_replayed(client, hook) -> None:
    page = f"{API}webhooks/{hook.pk}/"
    first = client.post(f"{page}test/").json()
    second = client.post(f"{page}test/").json()
    assert (first["event"], first["state"], first["attempts"]) == ("test", "waiting", 0)
    newest = client.get(f"{page}deliveries/", {"page_size": 1}).json()
    assert [row["id"] for row in newest["results"]] == [second["id"]]
    assert [row["id"] for row in client.get(newest["next"]).json()["results"]] == [first["id"]]
    hook.deliveries.update(state="failed", attempts=8)
    again = client.post(f"{page}deliveries/{first['id']}/replay/")
    assert (again.status_code, again.json()["state"], again.json()["attempts"]) == (202, "waiting", 0)
    assert client.post(f"{page}pause/").json()["paused_at"] is not None
    assert client.post(f"{page}resume/").json()["paused_at"] is None
    renewed = client.post(f"{page}secret/").json()["secret"]
    assert renewed == secret_of(Webhook.objects.get()) != secret_of(hook)
    problem_of(client.post(f"{page}deliveries/{UNKNOWN_ID}/replay/"), "not_found")


def test_same_key_makes_one_webhook_and_tells_no_secret_twice(client, address) -> None:
    key = {"Idempotency-Key": "a-key-of-mine"}
    made = client.post(address, GIVEN, format="json", headers=key)
    again = client.post(address, GIVEN, format="json", headers=key)
    assert (made.status_code, again.status_code) == (201, 201)
    assert again.json() == made.json() | {"secret": None}
    assert (again["ETag"], again["Idempotent-Replayed"]) == (made["ETag"], "true")
    assert "Idempotent-Replayed" not in made
    assert Webhook.objects.count() == 1
    assert AuditEvent.objects.filter(action="webhook.created").count() == 1
    assert made.json()["secret"] not in str(KeptAnswer.objects.values())


def test_key_of_another_request_is_refused_and_one_that_failed_is_free(client, address) -> None:
    key = {"Idempotency-Key": "once"}
    problem_of(client.post(address, GIVEN | {"events": []}, format="json", headers=key), "invalid")
    assert client.post(address, GIVEN, format="json", headers=key).status_code == 201
    other = GIVEN | {"url": "https://hooks.example.org/c"}
    problem_of(client.post(address, other, format="json", headers=key), "key_reused")
    assert Webhook.objects.count() == 1


def test_key_of_somebody_else_is_another_key(client, address, api_of, make_person, cohort) -> None:
    key = {"Idempotency-Key": "once"}
    second = api_of(make_person("heir", cohort, "administrator"))
    other = GIVEN | {"url": "https://hooks.example.org/c"}
    assert client.post(address, GIVEN, format="json", headers=key).status_code == 201
    assert second.post(address, other, format="json", headers=key).status_code == 201


def test_key_is_another_one_to_a_token_of_one_cohort(
    client, api_of, administrator, cohort, other_cohort
) -> None:
    given, key = {"name": "East"}, {"Idempotency-Key": "once"}
    address = f"{API}cohorts/{cohort.pk}/webhooks/"
    assert client.post(address, GIVEN, format="json", headers=key).status_code == 201
    Membership.objects.create(user=administrator, cohort=other_cohort, role="administrator")
    elsewhere = api_of(administrator, name="elsewhere", cohort=other_cohort)
    problem_of(elsewhere.post(address, GIVEN, format="json", headers=key), "key_reused")
    problem_of(elsewhere.post(address, GIVEN, format="json"), "not_found")
    problem_of(client.post(f"{API}cohorts/", given, format="json", headers=key), "key_reused")


def test_key_that_was_given_back_in_between_is_taken(client, address, monkeypatch) -> None:
    made = KeptAnswer.objects.create
    tries = iter([IntegrityError, None])

    def create(**fields: Any) -> KeptAnswer:
        if error := next(tries):
            raise error
        return made(**fields)

    monkeypatch.setattr(KeptAnswer.objects, "create", create)
    answer = client.post(address, GIVEN, format="json", headers={"Idempotency-Key": "once"})
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer


def test_key_whose_first_request_still_runs_waits_and_one_left_behind_is_taken_over(
    client, address, administrator
) -> None:
    key = {"Idempotency-Key": "once"}
    client.post(address, GIVEN, format="json", headers=key)
    KeptAnswer.objects.update(status=None)
    problem_of(client.post(address, GIVEN, format="json", headers=key), "in_progress")
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(minutes=11))
    other = GIVEN | {"url": "https://hooks.example.org/c"}
    assert client.post(address, other, format="json", headers=key).status_code == 201


def test_kept_answers_are_forgotten_after_a_day(client, address) -> None:
    key = {"Idempotency-Key": "once"}
    client.post(address, GIVEN, format="json", headers=key)
    forget_kept_answers()
    assert KeptAnswer.objects.count() == 1
    KeptAnswer.objects.update(created_at=timezone.now() - timedelta(hours=25))
    forget_kept_answers()
    assert not KeptAnswer.objects.exists()


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 201])
def test_key_that_is_none_is_refused(client, address, key) -> None:
    headers = {"Idempotency-Key": key.encode().decode("latin-1")}
    body = problem_of(client.post(address, GIVEN, format="json", headers=headers), "invalid")
    assert list(body["errors"]) == ["Idempotency-Key"]


def test_nobody_else_has_them(hook, address, colleague, exporter, stranger, api_of) -> None:
    for person, code in (
        (colleague, "permission_denied"),
        (exporter, "permission_denied"),
        (stranger, "not_found"),
    ):
        client = api_of(person)
        problem_of(client.get(address), code)
        problem_of(client.post(address, GIVEN, format="json"), code)
        problem_of(client.get(f"{API}webhooks/{hook.pk}/"), code)
        problem_of(client.post(f"{API}webhooks/{hook.pk}/secret/"), code)
        problem_of(client.delete(f"{API}webhooks/{hook.pk}/"), code)
    hook.refresh_from_db()
    assert (Webhook.objects.count(), hook.secret_number) == (1, 1)
