"""REST tokens: made, shown once, listed by their beginning, revoked."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from knox.models import AuthToken

from cases.models import AuditEvent, Membership
from cases.people import tokens

PAGE = "/accounts/tokens/"


def shown_token(response):
    (text,) = re.findall(r'<code class="secret">(\w+)</code>', response.content.decode())
    return text


def opens(client, text):
    return client.get("/api/v1/cases/", headers={"Authorization": f"Token {text}"}).status_code


def test_own_token_is_shown_once_and_opens_the_api(client, client_of, owner):
    browser = client_of(owner)
    text = shown_token(browser.post(PAGE, {"days": "30"}))
    assert opens(client, text) == 200
    token = AuthToken.objects.get()
    assert token.expiry - token.created == pytest.approx(timedelta(days=30), abs=timedelta(seconds=5))
    page = browser.get(PAGE).content.decode()
    assert text not in page
    assert text[:8] in page
    assert token.digest not in page
    assert AuditEvent.objects.get(action="token.issued").details == {"token": text[:8]}


def test_revoked_token_opens_nothing(client, client_of, owner):
    browser = client_of(owner)
    text = shown_token(browser.post(PAGE, {"days": "30"}))
    browser.post("/accounts/tokens/revoke/", {"token": AuthToken.objects.get().token_key})
    assert not AuthToken.objects.exists()
    assert opens(client, text) == 401
    assert AuditEvent.objects.filter(action="token.revoked", actor=owner).count() == 1


def test_token_of_another_cannot_be_revoked_by_its_key(client_of, owner, colleague):
    tokens.issue(by=colleague, user=colleague, lifetime=timedelta(days=1))
    client_of(owner).post("/accounts/tokens/revoke/", {"token": AuthToken.objects.get().token_key})
    assert AuthToken.objects.count() == 1


@pytest.mark.parametrize("days", ["", "0", "-1", "99999", "x"])
def test_token_with_an_unknown_lifetime_is_not_made(client_of, owner, days):
    assert client_of(owner).post(PAGE, {"days": days}).status_code == 200
    assert not AuthToken.objects.exists()


def test_tokens_by_anonymous_lead_to_the_sign_in(client, db):
    assert client.post(PAGE, {"days": "30"}).url == "/accounts/sign-in/?next=/accounts/tokens/"
    assert not AuthToken.objects.exists()


def test_tokens_of_somebody_without_a_right_are_refused(client_of, make_person):
    assert client_of(make_person("nobody")).post(PAGE, {"days": "30"}).status_code == 403
    assert not AuthToken.objects.exists()


def test_revoke_by_get_is_refused(client_of, owner):
    assert client_of(owner).get("/accounts/tokens/revoke/").status_code == 405


def test_administrator_makes_and_revokes_a_token_of_an_exporter(client, client_of, administrator, exporter):
    browser = client_of(administrator)
    text = shown_token(browser.post(f"/people/{exporter.pk}/tokens/", {"days": "90"}))
    assert AuthToken.objects.get().user == exporter
    assert (
        client.get("/api/v1/reviewed-cases/", headers={"Authorization": f"Token {text}"}).status_code == 200
    )
    browser.post(f"/people/{exporter.pk}/tokens/revoke/", {"token": AuthToken.objects.get().token_key})
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize("whose", ["owner", "colleague"])
def test_administrator_makes_no_token_of_a_person(request, client_of, administrator, whose):
    person = request.getfixturevalue(whose)
    assert client_of(administrator).post(f"/people/{person.pk}/tokens/", {"days": "90"}).status_code == 403
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize("role", ["exporter", "radiologist"])
def test_administrator_makes_no_token_of_an_exporter_who_is_also_elsewhere(
    client_of, administrator, exporter, other_cohort, role
):
    Membership.objects.create(user=exporter, cohort=other_cohort, role=role)
    assert client_of(administrator).post(f"/people/{exporter.pk}/tokens/", {"days": "90"}).status_code == 403
    assert not AuthToken.objects.exists()


def test_administrator_makes_no_token_of_a_superuser_who_is_listed_as_exporter(
    client_of, administrator, exporter
):
    exporter.is_superuser = True
    exporter.save()
    assert client_of(administrator).post(f"/people/{exporter.pk}/tokens/", {"days": "90"}).status_code == 403
    assert not AuthToken.objects.exists()


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger"])
def test_tokens_of_an_exporter_by_others_are_not_found(request, client_of, exporter, who):
    client = client_of(request.getfixturevalue(who))
    assert client.post(f"/people/{exporter.pk}/tokens/", {"days": "90"}).status_code == 404
    assert not AuthToken.objects.exists()


def test_create_token_prints_a_token_that_opens_the_api(client, exporter):
    out = StringIO()
    call_command("create_token", "Exporter@example.org", "--days", "0", stdout=out)
    text = out.getvalue().strip()
    assert AuthToken.objects.get().expiry is None
    assert (
        client.get("/api/v1/reviewed-cases/", headers={"Authorization": f"Token {text}"}).status_code == 200
    )


@pytest.mark.parametrize(
    "arguments", [("nobody@example.org",), ("exporter@example.org", "--days", "-1"), ("idle@example.org",)]
)
def test_create_token_for_nobody_makes_none(exporter, make_person, arguments):
    make_person("idle")
    with pytest.raises(CommandError):
        call_command("create_token", *arguments)
    assert not AuthToken.objects.exists()
