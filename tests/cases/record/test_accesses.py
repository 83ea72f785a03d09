"""Who looked at what: a row for each answered request, its subject, its seal, and where it waits."""

from __future__ import annotations

import json
import logging
import re
from typing import Any

import pyotp
import pytest
from django.db import DatabaseError
from django.test import Client

from cases.models import AccessEvent
from cases.people.invitations import invite
from cases.record import accesses
from cases.record.accesses import Writer, write_patiently
from cases.record.sealing import seal_new
from cases.record.verifying import verify
from cases.roles import Role
from portal import urls
from portal.accounts import limiter, second_factor
from tests.cases.test_nothing_leaks import routes
from tests.cast import PASSWORD

pytestmark = pytest.mark.both_databases


@pytest.fixture(autouse=True)
def recorded(settings: Any) -> None:
    settings.ACCESS_RECORD = "now"
    accesses._told.clear()


def told() -> list[tuple[str, str, int, str]]:
    rows = AccessEvent.objects.order_by("at")
    return [(row.kind, row.route, row.status, row.subject) for row in rows]


def test_view_of_a_case_is_told_with_who_where_and_what(submit, client_of, colleague) -> None:
    case = submit()
    answer = client_of(colleague).get(f"/cases/{case.code.lower()}/?note=Doe")
    event = AccessEvent.objects.get()
    assert (event.actor, event.cohort_id, event.subject) == (colleague, case.cohort_id, case.code)
    assert (event.kind, event.method, event.route, event.status) == (
        "case",
        "GET",
        "/cases/<code:code>/",
        200,
    )
    assert (event.address, event.via) == ("127.0.0.1", "session")
    assert event.request_id == answer["X-Request-ID"]


def test_case_that_is_not_ones_own_is_told_as_refused(submit, client_of, stranger) -> None:
    case = submit()
    assert client_of(stranger).get(f"/cases/{case.code}/").status_code == 404
    event = AccessEvent.objects.get()
    assert (event.actor, event.status, event.subject, event.cohort) == (stranger, 404, case.code, None)
    assert event.is_refused


def test_pictures_of_a_case_are_one_row_and_its_maps_another(
    submit, analyse_as, client_of, administrator
) -> None:
    case = submit()
    analyse_as(case)
    prediction = case.images.get().predictions.get()
    browser = client_of(administrator)
    for picture in ("base.png", "thumbnail.png", "base.nii.gz"):
        assert browser.get(f"/cases/{case.code}/{picture}").status_code == 200
    for layer in ("conv_1", "conv_3"):
        assert browser.get(f"/cases/{case.code}/maps/{prediction.pk}/{layer}/glioma.png").status_code == 200
    assert [(kind, subject) for kind, _, _, subject in told()] == [
        ("picture", case.code),
        ("result", case.code),
    ]


def test_other_persons_picture_and_a_refused_one_are_rows_of_their_own(
    submit, client_of, colleague, second, stranger
) -> None:
    case = submit()
    for person in (colleague, second, stranger, stranger):
        client_of(person).get(f"/cases/{case.code}/base.png")
    assert [status for _, _, status, _ in told()] == [200, 200, 404, 404]


def test_sign_in_and_sign_out_are_told_and_a_refused_name_only_by_its_digest(owner) -> None:
    browser = Client()
    browser.get("/accounts/sign-in/")
    browser.post("/accounts/sign-in/", {"username": "Owner@example.org", "password": "a wrong one"})
    browser.post("/accounts/sign-in/", {"username": "owner@example.org", "password": PASSWORD})
    browser.post("/accounts/sign-out/")
    refused, signed_in, signed_out = AccessEvent.objects.order_by("at")
    assert (refused.kind, refused.actor) == ("sign_in_refused", None)
    assert refused.subject == limiter.person("owner@example.org")[:64]
    assert (signed_in.kind, signed_in.actor, signed_in.status) == ("sign_in", owner, 302)
    assert (signed_out.kind, signed_out.actor) == ("sign_out", owner)


def test_second_factor_is_a_sign_in_once_its_code_is_right(colleague) -> None:
    seed = second_factor.new_seed()
    [recovery, *_] = second_factor.begin(colleague, seed, pyotp.TOTP(second_factor.secret_of(seed)).now())
    browser = Client()
    browser.post("/accounts/sign-in/", {"username": colleague.email, "password": PASSWORD})
    browser.get("/accounts/sign-in/code/")
    assert told() == []
    for code in ("000000", recovery):
        browser.post("/accounts/sign-in/code/", {"code": code})
    refused, signed_in = AccessEvent.objects.order_by("at")
    assert (refused.kind, refused.subject) == ("sign_in_refused", limiter.person(colleague.email)[:64])
    assert (signed_in.kind, signed_in.actor) == ("sign_in", colleague)


def test_secret_of_an_invitation_is_not_written_down(client_of, administrator, stranger, colleague, cohort):
    issued = invite(by=administrator, cohort=cohort, email=stranger.email, role=Role.RADIOLOGIST)
    link = f"/accounts/invitation/{issued.secret}/"
    assert client_of(colleague).get(link).status_code == 200
    assert client_of(stranger).post(link).status_code == 302
    assert [event[1:] for event in told()] == [
        ("/accounts/invitation/<str:secret>/", 200, ""),
        ("/accounts/invitation/<str:secret>/", 302, ""),
    ]


def test_word_in_the_place_of_a_code_is_not_written_down(api_of, client_of, administrator) -> None:
    assert api_of(administrator).get("/api/v1/cases/Doe_Jane/").status_code == 404
    assert client_of(administrator).get("/dashboard/deletions/case/Doe Jane/").status_code == 404
    assert api_of(administrator).get("/api/v1/cases/AAAA-AAAA/").status_code == 404
    assert [subject for *_, subject in told()] == ["", "", "AAAA-AAAA"]


def test_every_word_that_an_address_takes_as_it_is_typed_is_known() -> None:
    every = {
        name for route, _ in routes(urls.urlpatterns) for name in re.findall(r"<(?:str|path):(\w+)>", route)
    }
    of_no_person = {"frames", "instance", "layer", "series", "shown_class", "study"}
    assert every - of_no_person == {"code", "content_type_id", "object_id", "secret"}


def test_script_is_told_by_its_token(submit, api_of, administrator) -> None:
    case = submit()
    assert api_of(administrator).get(f"/api/v1/cases/{case.code}/").status_code == 200
    event = AccessEvent.objects.get()
    assert (event.kind, event.actor, event.subject) == ("api", administrator, case.code)
    assert event.via.startswith("token ")


def test_page_about_a_cohort_is_told_with_it(cohort, client_of, administrator) -> None:
    browser = client_of(administrator)
    browser.get("/dashboard/")
    browser.get(f"/dashboard/record/lines.ndjson?cohort={cohort.pk}")
    assert [(kind, route) for kind, route, _, _ in told()] == [
        ("study", "/dashboard/"),
        ("export", "/dashboard/record/lines.ndjson"),
    ]
    assert set(AccessEvent.objects.values_list("cohort", flat=True)) == {cohort.pk}


def test_open_page_that_looks_again_by_itself_is_told_once(cohort, client_of, administrator, api_of) -> None:
    browser = client_of(administrator)
    browser.get("/dashboard/snapshots/")
    browser.get("/dashboard/snapshots/", headers={"HX-Request": "true"})
    assert api_of(administrator).get(f"/api/v1/cohorts/{cohort.pk}/plan/").status_code == 200
    assert [kind for kind, *_ in told()] == ["export", "api"]
    assert set(AccessEvent.objects.values_list("cohort", flat=True)) == {cohort.pk}


def test_visitor_and_what_an_open_page_asks_again_are_not_told(submit, client_of, owner) -> None:
    submit()
    Client().get("/cases/")
    Client().get("/health/live/")
    client_of(owner).get("/cases/states/")
    client_of(owner).get("/theme/")
    assert told() == []


def test_rows_are_sealed_with_the_rest_of_the_record(submit, client_of, colleague) -> None:
    case = submit()
    client_of(colleague).get(f"/cases/{case.code}/")
    assert seal_new() > 0
    assert list(verify([])) == []


# Beside the request


def event() -> AccessEvent:
    return AccessEvent(
        kind="case", method="GET", route="/cases/<code:code>/", status=200, subject="K7QF-2M9D"
    )


@pytest.fixture
def same_connection(monkeypatch) -> None:
    monkeypatch.setattr(accesses, "close_old_connections", lambda: None)


def test_writer_stores_what_has_come_together(db, same_connection, monkeypatch) -> None:
    writer = Writer()
    monkeypatch.setattr(accesses.threading.Thread, "start", lambda _thread: None)
    for _ in range(3):
        writer.add(event())
    assert AccessEvent.objects.count() == 0
    writer.flush()
    assert AccessEvent.objects.count() == 3


def test_what_the_database_does_not_take_is_in_the_log(db, monkeypatch, caplog) -> None:
    tries: list[int] = []

    def refuse(events: list[AccessEvent]) -> None:
        tries.append(len(events))
        raise DatabaseError("a secret of the operator")

    monkeypatch.setattr(accesses, "write", refuse)
    monkeypatch.setattr(accesses.time, "sleep", lambda _seconds: None)
    with caplog.at_level(logging.WARNING):
        write_patiently([event(), event()])
    assert tries == [2] * (len(accesses.PAUSES) + 1)
    lost = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert len(lost) == 2
    assert json.loads(lost[0].partition(": ")[2])["subject"] == "K7QF-2M9D"
    assert "secret" not in caplog.text


def test_more_than_memory_may_hold_goes_to_the_log_at_once(db, monkeypatch, caplog) -> None:
    monkeypatch.setattr(accesses, "MOST_WAITING", 1)
    monkeypatch.setattr(accesses.threading.Thread, "start", lambda _thread: None)
    writer = Writer()
    for _ in range(2):
        writer.add(event())
    assert caplog.text.count("that the database did not take") == 1
