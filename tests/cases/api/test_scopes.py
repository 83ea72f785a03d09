"""What a token is for: each route names its scopes, and a token of one cohort opens no other."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from rest_framework.permissions import AllowAny
from rest_framework.test import APIClient

from cases.api import urls
from cases.api.scopes import TokenHasScope
from cases.intake.uploads import submit_file
from cases.models import ApiToken, Cohort, Membership
from cases.people.tokens import scopes_for
from cases.permissions import Action, actions_in, cohorts_where, reading_cohorts
from cases.scopes import ASKED, Scope, asked_by
from portal.accounts.models import User
from tests.cases.api.support import API, problem_of
from tests.cast import UNKNOWN_ID, make_png_bytes, token_of

FOR_EVERYBODY = {"index", "schema", "problems", "unknown"}
VERBS = ("get", "post", "put", "patch", "delete")
PARTS = {
    "<uuid:cohort_id>": UNKNOWN_ID,
    "<uuid:review_id>": UNKNOWN_ID,
    "<uuid:snapshot_id>": UNKNOWN_ID,
    "<uuid:webhook_id>": UNKNOWN_ID,
    "<uuid:delivery_id>": UNKNOWN_ID,
    "<uuid:upload_id>": UNKNOWN_ID,
    "<uuid:prediction_id>": UNKNOWN_ID,
    "<int:position>": "0",
    "<str:layer>": "conv_1",
    "<str:shown_class>": "glioma",
    "<str:instance>": "1.2",
    "<str:frames>": "1",
    "<slug:code>": "AAAA-AAAA",
    "<slug:table>": "reviews",
    "<slug:release>": "r4",
    "<str:study>": "1.2",
    "<str:series>": "1.2",
}


def operations() -> Iterator[tuple[str, str, str]]:
    """Name, method and address of all that the routes answer, but for what is for everybody."""
    for route in urls.urlpatterns:
        view = getattr(route.callback, "cls", None)
        if view is None:
            assert route.name == "docs"  # a page, which asks for no token
            continue
        if route.name in FOR_EVERYBODY:
            assert view.permission_classes[0] is AllowAny, route.name
            continue
        assert TokenHasScope in view.permission_classes, route.name
        address = str(route.pattern)
        for part, value in PARTS.items():
            address = address.replace(part, str(value))
        assert "<" not in address, f"PARTS knows no value for a part of {address}"
        for verb in VERBS:
            if verb in view.http_method_names and hasattr(view, verb):
                yield str(route.name), verb.upper(), f"{API}{address}"


OPERATIONS = list(operations())


def test_every_route_says_which_scope_it_asks_for() -> None:
    served = {(name, method) for name, method, _ in OPERATIONS}
    assert served == {(name, method) for name, methods in ASKED.items() for method in methods}
    assert all(asked_by(name, method) for name, method in served)


@pytest.mark.parametrize("scope", [None, *Scope], ids=str)
def test_token_opens_what_its_scope_is_for_and_nothing_else(administrator, api_of, scope) -> None:
    script = api_of(administrator, scopes=[scope] if scope else [])
    for name, method, address in OPERATIONS:
        response = script.generic(method, address)
        if scope in asked_by(name, method):
            assert response.json()["code"] != "insufficient_scope" if response.status_code == 403 else True
            assert response.status_code != 401
        else:
            assert problem_of(response, "insufficient_scope")["detail"], (name, method)


def test_scope_gives_nobody_more_than_the_role(owner, api_of, ready_case) -> None:
    assert api_of(owner).get(f"{API}reviewed-cases/").json()["code"] == "permission_denied"


def test_address_that_names_no_scope_is_closed_to_every_token(colleague, api_of, monkeypatch) -> None:
    monkeypatch.delitem(ASKED, "cases")
    detail = problem_of(api_of(colleague).get(f"{API}cases/"), "insufficient_scope")["detail"]
    assert detail == "No token opens this address."


def test_refusal_names_the_scope_that_is_missing(colleague, api_of) -> None:
    response = api_of(colleague, scopes=["upload"]).get(f"{API}cases/")
    assert "lacks the scope “read”" in problem_of(response, "insufficient_scope")["detail"]


def test_head_asks_for_the_scope_of_get(colleague, api_of) -> None:
    assert api_of(colleague, scopes=["read"]).head(f"{API}cases/").status_code == 200
    assert api_of(colleague, scopes=["upload"]).head(f"{API}cases/").status_code == 403


def test_person_who_is_signed_in_needs_no_scope(colleague) -> None:
    browser = APIClient()
    browser.force_login(colleague)
    assert browser.get(f"{API}cases/").status_code == 200


def test_public_addresses_take_any_token(colleague, api_of) -> None:
    script = api_of(colleague, scopes=[])
    assert [script.get(f"{API}{name}").status_code for name in ("", "problems/", "schema/")] == [200] * 3


@pytest.fixture
def here_and_there(cohort, other_cohort, administrator, model_version) -> tuple[str, str]:
    """Codes of a case in each cohort; the administrator is one in both."""
    Membership.objects.create(user=administrator, cohort=other_cohort, role="administrator")
    files = {cohort: ContentFile(make_png_bytes()), other_cohort: ContentFile(make_png_bytes(seed=1))}
    here, there = (submit_file(by=administrator, cohort=into, file=file).case for into, file in files.items())
    return here.code, there.code


@pytest.mark.parametrize("is_superuser", [False, True])
def test_token_of_one_cohort_opens_no_other(
    administrator, api_of, cohort, other_cohort, here_and_there, is_superuser
) -> None:
    User.objects.filter(pk=administrator.pk).update(is_superuser=is_superuser)
    here, there = here_and_there
    script, everywhere = api_of(administrator, cohort=cohort), api_of(administrator)
    assert {case["code"] for case in everywhere.get(f"{API}cases/").json()["results"]} == {here, there}
    assert [case["code"] for case in script.get(f"{API}cases/").json()["results"]] == [here]
    assert [entry["name"] for entry in script.get(f"{API}cohorts/").json()] == ["North"]
    assert script.get(f"{API}cases/{here}/").status_code == 200
    assert script.get(f"{API}cases/{there}/").status_code == 404
    assert script.post(f"{API}cases/{there}/retry/").status_code == 404
    assert script.get(f"{API}figures/", {"cohort": "South"}).status_code == 400
    assert script.post(f"{API}snapshots/", {"cohort": "South"}, format="json").status_code == 400
    assert script.get(f"{API}dicomweb/{other_cohort.pk}/studies").status_code == 404
    assert script.get(f"{API}dicomweb/{cohort.pk}/studies").status_code == 200
    file = ContentFile(make_png_bytes(seed=2), name="a.png")
    assert script.post(f"{API}uploads/", {"cohort": "South", "file": file}).status_code == 404


def test_token_of_one_cohort_makes_no_other(administrator, api_of, cohort) -> None:
    script = api_of(administrator, cohort=cohort)
    refused = script.post(f"{API}cohorts/", {"name": "East"}, format="json")
    assert problem_of(refused, "insufficient_scope")["detail"] == "The token is for one cohort alone."
    assert not Cohort.objects.filter(name="East").exists()


def test_reach_of_a_token_is_no_longer_than_its_request(administrator, cohort, other_cohort) -> None:
    Membership.objects.create(user=administrator, cohort=other_cohort, role="administrator")
    assert set(cohorts_where(administrator, Action.VIEW)) == {cohort, other_cohort}
    administrator.limited_to = cohort.pk
    assert set(cohorts_where(administrator, Action.VIEW)) == {cohort}
    assert actions_in(administrator, other_cohort) == frozenset()
    assert actions_in(User.objects.get(pk=administrator.pk), other_cohort) == frozenset(Action)


def test_token_of_an_open_cohort_shows_no_result_that_another_keeps_shut(
    colleague, cohort, api_of, make_person, model_version, analyse_as
) -> None:
    """The same picture is still to be read blind in another cohort, which the token does not open."""
    blind = Cohort.objects.create(name="Blind", reading="blinded")
    Membership.objects.create(user=colleague, cohort=blind, role="radiologist")
    uploader = make_person("uploader", cohort, "technologist")
    Membership.objects.create(user=uploader, cohort=blind, role="technologist")
    file = functools.partial(ContentFile, make_png_bytes())
    cases = [submit_file(by=uploader, cohort=into, file=file()).case for into in (cohort, blind)]
    for case in cases:
        analyse_as(case)
    for terms in ({}, {"cohort": cohort}):
        answer = api_of(colleague, **terms).get(f"{API}cases/{cases[0].code}/").json()
        assert (answer["job"]["status"], answer["prediction"]) == ("succeeded", None), terms
    colleague.limited_to = cohort.pk
    assert str(reading_cohorts(colleague)) == str(reading_cohorts(User.objects.get(pk=colleague.pk)))


def test_token_goes_with_its_cohort(colleague, client) -> None:
    gone = Cohort.objects.create(name="Gone")
    text = token_of(colleague, cohort=gone)
    gone.delete()
    assert not ApiToken.objects.exists()
    assert client.get(f"{API}cohorts/", headers={"Authorization": f"Token {text}"}).status_code == 401


def test_token_that_has_run_out_opens_nothing_whatever_its_scopes(colleague, api_of) -> None:
    script = api_of(colleague, expiry=timedelta(seconds=-1), scopes=scopes_for(colleague))
    assert script.get(f"{API}cohorts/").status_code == 401
