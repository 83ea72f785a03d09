"""Every error is a problem response, and nobody gets in without a token or a session."""

import pytest
from django.db import OperationalError
from django.test import Client
from rest_framework.parsers import MultiPartParser
from rest_framework.test import APIClient

from cases.api import urls
from cases.api.parsers import BoundedJSONParser
from cases.api.problems import KINDS
from cases.api.views import cohorts as cohort_views
from cases.api.views.dicomweb import RelatedParser
from tests.cases.api.support import API, problem_of

CLOSED = [
    ("get", "cohorts/"),
    ("post", "uploads/"),
    ("get", "cases/"),
    ("get", "cases/AAAA-AAAA/"),
    ("post", "cases/AAAA-AAAA/retry/"),
    ("post", "cases/AAAA-AAAA/reviews/"),
    ("post", "reviews/9f4b9a0e-0000-4000-8000-000000000000/amend/"),
    ("get", "reviewed-cases/"),
    ("get", "codebook/"),
    ("get", "figures/"),
    ("get", "snapshots/9f4b9a0e-0000-4000-8000-000000000000/"),
    ("get", "snapshots/9f4b9a0e-0000-4000-8000-000000000000/cases/"),
]
OPEN = [("get", ""), ("get", "problems/"), ("get", "schema/")]
OTHER_VERB = {"get": "post", "post": "get"}
# These take either.
BOTH = ["cases/AAAA-AAAA/reviews/", "cohorts/"]


@pytest.mark.parametrize(("verb", "path"), CLOSED)
def test_closed_address_without_token_asks_for_one(verb, path, db) -> None:
    response = getattr(APIClient(), verb)(API + path)
    problem_of(response, "not_authenticated")
    assert response["WWW-Authenticate"] == "Token"


@pytest.mark.parametrize(("verb", "path"), CLOSED)
def test_closed_address_with_a_wrong_token_is_refused(verb, path, db) -> None:
    client = APIClient(HTTP_AUTHORIZATION="Token " + "a" * 64)
    response = getattr(client, verb)(API + path)
    problem_of(response, "authentication_failed")
    assert response["WWW-Authenticate"] == "Token"


def test_token_of_somebody_who_may_no_longer_sign_in_is_refused(colleague, api_of) -> None:
    client = api_of(colleague)
    assert client.get(f"{API}cases/").status_code == 200
    colleague.is_active = False
    colleague.save()
    problem_of(client.get(f"{API}cases/"), "authentication_failed")


@pytest.mark.parametrize(("verb", "path"), [each for each in [*CLOSED, *OPEN] if each[1] not in BOTH])
@pytest.mark.parametrize("other", ["put", "patch", "delete", "options", "the other"])
def test_wrong_verb_is_refused_and_the_right_one_named(verb, path, other, colleague, api_of) -> None:
    response = getattr(api_of(colleague), OTHER_VERB[verb] if other == "the other" else other)(API + path)
    problem_of(response, "method_not_allowed")
    assert set(response["Allow"].split(", ")) == ({"GET", "HEAD"} if verb == "get" else {"POST"})


@pytest.mark.parametrize("path", BOTH)
@pytest.mark.parametrize("other", ["put", "patch", "delete", "options"])
def test_wrong_verb_names_both_where_an_address_is_read_and_added_to(path, other, colleague, api_of) -> None:
    response = getattr(api_of(colleague), other)(API + path)
    problem_of(response, "method_not_allowed")
    assert set(response["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


@pytest.mark.parametrize(
    "path", ["/api/", "/api/v2/cases/", "/api/v1/nothing/", "/api/v1/cases/A/B/C/", "/api/v1/no"]
)
@pytest.mark.parametrize("verb", ["get", "post", "delete"])
def test_unknown_address_is_a_problem_without_a_page(path, verb, db) -> None:
    problem_of(getattr(APIClient(), verb)(path), "not_found")


def test_address_without_its_slash_leads_to_the_right_one(db) -> None:
    response = APIClient().get("/api/v1/reviewed-cases?format=csv")
    assert (response.status_code, response["Location"]) == (301, "/api/v1/reviewed-cases/?format=csv")


def test_post_without_the_slash_is_refused_rather_than_lost_in_a_redirect(db) -> None:
    body = problem_of(APIClient().post("/api/v1/uploads"), "not_found")
    assert "slash" in body["detail"]


@pytest.mark.parametrize("code", ["ZZZZ-ZZZZ", "x", "AAAA_AAAA"])
def test_case_of_no_such_code_is_not_found(code, colleague, api_of) -> None:
    problem_of(api_of(colleague).get(f"{API}cases/{code}/"), "not_found")


def test_session_without_csrf_token_cannot_write(submitted_case, colleague) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(colleague)
    assert browser.get(f"{API}cases/").status_code == 200
    problem_of(browser.post(f"{API}cases/{submitted_case.code}/retry/"), "permission_denied")


@pytest.mark.parametrize("body", ["{", "", "nonsense", '{"a": NaN}'])
def test_unreadable_json_is_a_problem(body, ready_case, colleague, api_of) -> None:
    url = f"{API}cases/{ready_case.code}/reviews/"
    response = api_of(colleague).generic("POST", url, body, content_type="application/json")
    problem_of(response, "parse_error" if body else "invalid")


def test_json_that_is_no_object_is_a_problem(ready_case, colleague, api_of) -> None:
    response = api_of(colleague).post(f"{API}cases/{ready_case.code}/reviews/", [1], format="json")
    assert problem_of(response, "invalid")["errors"].keys() == {"non_field_errors"}


def test_huge_json_is_refused_unread(ready_case, colleague, administrator, api_of, settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    for who, path in ((colleague, f"cases/{ready_case.code}/reviews/"), (administrator, "snapshots/")):
        response = api_of(who).post(API + path, {"comment": "x" * 1000}, format="json")
        problem_of(response, "too_large")


def test_no_view_reads_bodies_by_a_parser_without_bounds() -> None:
    views = [getattr(route.callback, "cls", None) for route in urls.urlpatterns]
    parsers = {parser for view in views if view for parser in view.parser_classes}
    # The forms' is Django's, with its upload handlers.
    assert parsers == {BoundedJSONParser, RelatedParser, MultiPartParser}


def test_other_media_type_is_refused(ready_case, colleague, api_of) -> None:
    client, url = api_of(colleague), f"{API}cases/{ready_case.code}/reviews/"
    problem_of(client.generic("POST", url, "<a/>", content_type="application/xml"), "unsupported_media_type")
    problem_of(client.post(f"{API}uploads/", {"cohort": "North"}, format="json"), "unsupported_media_type")


def test_format_that_nobody_writes_is_not_acceptable(colleague, administrator, api_of) -> None:
    problem_of(api_of(colleague).get(f"{API}cases/", headers={"Accept": "image/png"}), "not_acceptable")
    response = api_of(administrator).get(f"{API}reviewed-cases/", headers={"Accept": "image/png"})
    problem_of(response, "not_acceptable")


def test_unforeseen_error_is_logged_but_not_shown(colleague, api_of, monkeypatch, caplog) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr(cohort_views, "cohorts_of", fail)
    response = api_of(colleague).get(f"{API}cohorts/")
    problem_of(response, "unexpected")
    assert b"secret" not in response.content
    assert "a secret of ours" in caplog.text


def test_busy_database_asks_to_come_again(colleague, api_of, monkeypatch) -> None:
    def fail(*args: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(cohort_views, "cohorts_of", fail)
    response = api_of(colleague).get(f"{API}cohorts/")
    problem_of(response, "unavailable")
    assert response["Retry-After"] == "5"


def test_every_problem_type_leads_to_what_it_means(db) -> None:
    listed = APIClient().get(f"{API}problems/").json()
    assert {"code": "conflict", "status": 409, "title": "A newer review is already stored"} in listed
    assert len({entry["code"] for entry in listed}) == len(listed) == len(KINDS)


def test_index_links_lead_somewhere(colleague, api_of) -> None:
    body = APIClient().get(API).json()
    assert body["links"]["reviewed-cases"] == "http://testserver/api/v1/reviewed-cases/"
    assert body["notice"].startswith("For research and study use only.")
    client = api_of(colleague)
    statuses = {name: client.get(link).status_code for name, link in body["links"].items()}
    assert statuses == {
        "cohorts": 200,
        "uploads": 405,
        "cases": 200,
        "reviewed-cases": 403,
        "figures": 403,
        "snapshots": 403,
        "codebook": 200,
        "model-versions": 403,
        "problems": 200,
        "schema": 200,
        "docs": 200,
    }
