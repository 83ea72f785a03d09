"""The record's page, its lines, and what a system that watches gets."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command

from cases.models import AccessEvent, AuditSeal, Disclosure
from cases.record import views
from cases.setup.truth import set_by_hand

pytestmark = pytest.mark.both_databases
PAGE = "/dashboard/record/"


@pytest.fixture
def look(cohort, colleague):
    def make(minute: int = 0, **fields: Any) -> AccessEvent:
        given = {"kind": "case", "method": "GET", "route": "/cases/<code:code>/", "status": 200}
        given |= {"cohort": cohort, "actor": colleague, "subject": "K7QF-2M9D", "address": "192.0.2.7"}
        at = datetime(2031, 5, 4, 12, tzinfo=UTC) + timedelta(minutes=minute)
        return AccessEvent.objects.create(at=at, **(given | fields))

    return make


def rows(answer: Any) -> list[str]:
    return [entry.subject for entry in answer.context["entries"]]


def test_administrator_sees_who_looked_at_what(look, client_of, administrator, colleague) -> None:
    look()
    look(1, status=404, subject="ABCD-EFGH")
    page = client_of(administrator).get(PAGE)
    text = page.content.decode()
    assert rows(page) == ["ABCD-EFGH", "K7QF-2M9D"]
    for word in (str(colleague), "192.0.2.7", "GET /cases/&lt;code:code&gt;/", "2031-05-04 12:00:00", "404"):
        assert word in text


def test_acts_are_told_with_the_case_s_code(
    submit, review_as, analyse_as, client_of, administrator, colleague
):
    case, other = submit(), submit(seed=1)
    analyse_as(case)
    review_as(colleague, case)
    browser = client_of(administrator)
    page = browser.get(PAGE, {"what": "acts"})
    assert {entry.name for entry in page.context["entries"]} >= {"case.uploaded", "review.submitted"}
    assert {case.code, other.code} <= set(rows(page))
    mine = browser.get(PAGE, {"what": "acts", "code": case.code.lower()}).context["entries"]
    assert other.code not in {entry.subject for entry in mine}
    assert {entry.name for entry in mine} >= {"case.uploaded", "review.submitted"}


@pytest.mark.parametrize("address", [PAGE, f"{PAGE}lines.ndjson"])
def test_known_class_that_an_act_tells_counts_as_seen(
    submit, client_of, administrator, make_person, address
) -> None:
    case = submit()
    other = make_person("other", case.cohort, "administrator")
    set_by_hand(by=other, cohort=case.cohort, code=case.code, known_class="glioma", reason="histology")
    browser, shown = client_of(administrator), Disclosure.objects.filter(user=administrator)
    b"".join(browser.get(address))
    assert not shown.exists()
    assert b"glioma" in b"".join(browser.get(address, {"what": "acts"}))
    assert [(row.user_id, row.case_id, row.kind) for row in shown] == [(administrator.pk, case.pk, "truth")]


def test_filters_leave_what_they_say(look, client_of, administrator, colleague, second) -> None:
    look(0)
    look(60 * 24, subject="ABCD-EFGH")
    look(60 * 48, actor=second)
    browser = client_of(administrator)

    def found(**asked: Any) -> list[str]:
        return rows(browser.get(PAGE, asked))

    assert found(person=second.pk) == ["K7QF-2M9D"]
    assert found(code="abcd-efgh") == ["ABCD-EFGH"]
    assert found(since="2031-05-05", until="2031-05-05") == ["ABCD-EFGH"]
    assert found(since="2031-05-07") == []


@pytest.mark.parametrize(
    "asked",
    [
        {"code": "Doe"},
        {"since": "2031-05-05", "until": "2031-05-04"},
        {"person": "6f8a3a2e-0000-4000-8000-000000000000"},
        {"what": "all"},
        {"since": "soon"},
    ],
)
def test_filters_that_do_not_hold_are_said(look, client_of, administrator, asked) -> None:
    look()
    for address in (PAGE, f"{PAGE}lines.ndjson"):
        answer = client_of(administrator).get(address, asked)
        assert answer.status_code == 422
        assert "These filters do not hold" in answer.content.decode()
        assert "192.0.2.7" not in answer.content.decode()


def test_older_rows_are_on_the_next_page_each_once(look, client_of, administrator, monkeypatch) -> None:
    monkeypatch.setattr(views, "PAGE", 2)
    for minute in (0, 0, 0, 1, 2):
        look(minute, subject=f"CASE-{AccessEvent.objects.count():04d}")
    browser = client_of(administrator)
    seen, before = [], ""
    for _ in range(3):
        page = browser.get(PAGE, {"before": before})
        seen += rows(page)
        before = page.context["older"]
    assert before == ""
    assert sorted(seen) == [f"CASE-{number:04d}" for number in range(5)]
    assert seen[:2] == ["CASE-0004", "CASE-0003"]
    assert rows(browser.get(PAGE, {"before": "nonsense"})) == seen[:2]


def test_other_cohorts_rows_are_nobody_elses(
    look, client_of, administrator, stranger, colleague, other_cohort
) -> None:
    look(cohort=other_cohort, subject="ABCD-EFGH")
    look(cohort=None, subject="")
    assert rows(client_of(administrator).get(PAGE)) == []
    assert client_of(administrator).get(PAGE, {"cohort": other_cohort.pk}).status_code == 404
    for person in (colleague, stranger):
        assert client_of(person).get(PAGE).status_code == 403
        assert client_of(person).get(f"{PAGE}lines.ndjson").status_code == 403


def test_lines_are_all_rows_that_the_filters_leave(look, client_of, administrator, colleague, cohort) -> None:
    for minute in range(3):
        look(minute)
    answer = client_of(administrator).get(f"{PAGE}lines.ndjson", {"since": "2031-05-04"})
    assert answer["Content-Type"] == "application/x-ndjson"
    lines = [json.loads(line) for line in b"".join(answer.streaming_content).splitlines()]
    assert len(lines) == 3
    assert lines[0] | {"id": ""} == {
        "id": "",
        "at": "2031-05-04T12:02:00+00:00",
        "actor": str(colleague),
        "name": "GET /cases/<code:code>/",
        "subject": "K7QF-2M9D",
        "status": 200,
        "address": "192.0.2.7",
        "via": "",
        "request_id": "",
        "details": {},
    }


def exported(after: int = 0) -> list[dict[str, Any]]:
    said = io.StringIO()
    call_command("export_record", after=after, stdout=said)
    return [json.loads(line) for line in said.getvalue().splitlines()]


def test_record_is_exported_in_the_order_of_its_chain_and_goes_on_where_it_ended(
    look, submit, analyse_as, review_as, colleague
) -> None:
    case = submit()
    analyse_as(case)
    found = "A finding in words."
    review_as(colleague, case, "other", comment="Words of a reader.", other_finding=found)
    look()
    first = exported()
    assert [line["position"] for line in first] == list(range(1, AuditSeal.objects.count() + 1))
    assert {line["kind"] for line in first} == {"access", "audit", "review"}
    assert "Words of a reader." not in json.dumps(first)
    assert found not in json.dumps(first)
    [seen] = [line["row"] for line in first if line["kind"] == "access"]
    assert (seen["subject"], seen["address"], seen["status"]) == ("K7QF-2M9D", "192.0.2.7", 200)
    assert exported(after=len(first)) == []
    look(1)
    assert [line["position"] for line in exported(after=len(first))] == [len(first) + 1]
