"""REST tokens: made, shown once, listed by their beginning, revoked."""

import re
from datetime import timedelta
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection

from cases.models import ApiToken, AuditEvent, Membership
from cases.people.tokens import Terms, issue, scopes_for
from cases.scopes import Scope
from portal.accounts.background import later
from portal.accounts.models import User
from tests.cast import token_of

PAGE = "/accounts/tokens/"
FORM = {"name": "Ward 3", "scopes": ["upload", "read"], "cohort": "", "days": "30"}
EXPORTS = FORM | {"scopes": ["export"], "days": "90"}


NEW = "another-long-pass-phrase"


@pytest.fixture
def superuser(db):
    return User.objects.create_superuser("super@example.org", "x", full_name="Super")


def reset_by_mail(client, user, mailoutbox):
    client.post("/accounts/password/reset/", {"email": user.email})
    later(lambda: None).result()
    (path,) = re.findall(r"http://testserver(/\S+)", mailoutbox[0].body)
    client.post(client.get(path).url, {"new_password1": NEW, "new_password2": NEW})


def shown_token(response):
    (text,) = re.findall(r'<code class="secret">(\w+)</code>', response.content.decode())
    return text


def opens(client, text):
    return client.get("/api/v1/cases/", headers={"Authorization": f"Token {text}"}).status_code


def test_own_token_is_shown_once_and_opens_the_api(client, client_of, owner):
    browser = client_of(owner)
    text = shown_token(browser.post(PAGE, FORM))
    assert opens(client, text) == 200
    token = ApiToken.objects.get()
    assert token.expiry - token.created == pytest.approx(timedelta(days=30), abs=timedelta(seconds=5))
    page = browser.get(PAGE).content.decode()
    assert text not in page
    assert text[:8] in page
    assert token.digest not in page
    assert AuditEvent.objects.get(action="token.issued").details == {
        "token": text[:8],
        "scopes": "read upload",
    }


def test_revoked_token_opens_nothing(client, client_of, owner):
    browser = client_of(owner)
    text = shown_token(browser.post(PAGE, FORM))
    browser.post("/accounts/tokens/revoke/", {"token": ApiToken.objects.get().token_key})
    assert not ApiToken.objects.exists()
    assert opens(client, text) == 401
    assert AuditEvent.objects.filter(action="token.revoked", actor=owner).count() == 1


def test_token_of_another_cannot_be_revoked_by_its_key(client_of, owner, colleague):
    token_of(colleague)
    client_of(owner).post("/accounts/tokens/revoke/", {"token": ApiToken.objects.get().token_key})
    assert ApiToken.objects.count() == 1


@pytest.mark.parametrize("days", ["", "0", "-1", "99999", "x"])
def test_token_with_an_unknown_lifetime_is_not_made(client_of, owner, days):
    assert client_of(owner).post(PAGE, FORM | {"days": days}).status_code == 200
    assert not ApiToken.objects.exists()


def test_tokens_by_anonymous_lead_to_the_sign_in(client, db):
    assert client.post(PAGE, FORM).url == "/accounts/sign-in/?next=/accounts/tokens/"
    assert not ApiToken.objects.exists()


def test_tokens_of_somebody_without_a_right_are_refused(client_of, make_person):
    assert client_of(make_person("nobody")).post(PAGE, FORM).status_code == 403
    assert not ApiToken.objects.exists()


def test_revoke_by_get_is_refused(client_of, owner):
    assert client_of(owner).get("/accounts/tokens/revoke/").status_code == 405


def test_administrator_makes_and_revokes_a_token_of_an_exporter(
    client, client_of, administrator, exporter, cohort
):
    browser = client_of(administrator)
    text = shown_token(browser.post(f"/people/{exporter.pk}/tokens/", EXPORTS | {"cohort": str(cohort.pk)}))
    assert ApiToken.objects.get().user == exporter
    assert (
        client.get("/api/v1/reviewed-cases/", headers={"Authorization": f"Token {text}"}).status_code == 200
    )
    browser.post(f"/people/{exporter.pk}/tokens/revoke/", {"token": ApiToken.objects.get().token_key})
    assert not ApiToken.objects.exists()


def test_token_that_an_administrator_makes_of_an_exporter_opens_no_cohort_that_the_account_comes_into_later(
    client, client_of, administrator, exporter, cohort, other_cohort
):
    page = client_of(administrator).post(f"/people/{exporter.pk}/tokens/", EXPORTS).content.decode()
    assert "This field is required." in page
    with pytest.raises(ValidationError, match="is for one cohort"):
        issue(by=administrator, user=exporter, terms=Terms("x", [Scope.EXPORT], None))
    assert not ApiToken.objects.exists()
    terms = Terms("x", [Scope.EXPORT], None, cohort)
    key = {"Authorization": f"Token {issue(by=administrator, user=exporter, terms=terms).text}"}
    Membership.objects.create(user=exporter, cohort=other_cohort, role="exporter")
    assert [each["name"] for each in client.get("/api/v1/cohorts/", headers=key).json()] == ["North"]
    assert client.get("/api/v1/figures/?cohort=South", headers=key).status_code == 400
    assert client.get("/api/v1/figures/?cohort=North", headers=key).status_code == 200


@pytest.mark.parametrize("whose", ["owner", "colleague"])
def test_administrator_makes_no_token_of_a_person(request, client_of, administrator, whose):
    person = request.getfixturevalue(whose)
    assert client_of(administrator).post(f"/people/{person.pk}/tokens/", EXPORTS).status_code == 403
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("role", ["exporter", "radiologist"])
def test_administrator_makes_no_token_of_an_exporter_who_is_also_elsewhere(
    client_of, administrator, exporter, other_cohort, role
):
    Membership.objects.create(user=exporter, cohort=other_cohort, role=role)
    assert client_of(administrator).post(f"/people/{exporter.pk}/tokens/", EXPORTS).status_code == 403
    assert not ApiToken.objects.exists()


def test_administrator_makes_no_token_of_a_superuser_who_is_listed_as_exporter(
    client_of, administrator, exporter
):
    exporter.is_superuser = True
    exporter.save()
    assert client_of(administrator).post(f"/people/{exporter.pk}/tokens/", EXPORTS).status_code == 403
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger"])
def test_tokens_of_an_exporter_by_others_are_not_found(request, client_of, exporter, who):
    client = client_of(request.getfixturevalue(who))
    assert client.post(f"/people/{exporter.pk}/tokens/", EXPORTS).status_code == 404
    assert not ApiToken.objects.exists()


def test_create_token_prints_a_token_that_opens_the_api(client, exporter):
    out = StringIO()
    call_command("create_token", "Exporter@example.org", "--days", "0", stdout=out)
    text = out.getvalue().strip()
    assert ApiToken.objects.get().expiry is None
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
    assert not ApiToken.objects.exists()


def test_form_offers_the_scopes_of_use_to_the_role(owner, colleague, administrator, exporter) -> None:
    assert scopes_for(owner) == [Scope.UPLOAD, Scope.READ]
    assert scopes_for(colleague) == [Scope.UPLOAD, Scope.READ, Scope.REVIEW]
    assert scopes_for(administrator) == list(Scope)
    assert scopes_for(exporter) == [Scope.EXPORT]


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": []},
        {"scopes": ["export"]},
        {"scopes": ["administer"]},
        {"scopes": ["everything"]},
        {"name": ""},
        {"name": "x" * 61},
        {"cohort": "0"},
    ],
    ids=str,
)
def test_token_for_what_is_not_offered_is_not_made(client_of, owner, wrong) -> None:
    assert "field__errors" in client_of(owner).post(PAGE, FORM | wrong).content.decode()
    assert not ApiToken.objects.exists()


def test_token_of_a_cohort_of_others_is_not_made(client_of, owner, other_cohort) -> None:
    assert client_of(owner).post(PAGE, FORM | {"cohort": str(other_cohort.pk)}).status_code == 200
    assert not ApiToken.objects.exists()


def test_each_token_has_a_name_of_its_own(client_of, owner, colleague) -> None:
    browser = client_of(owner)
    browser.post(PAGE, FORM)
    page = browser.post(PAGE, FORM).content.decode()
    assert "There is a token of this name already. Choose another name." in page
    browser.post(PAGE, FORM | {"name": "Ward 4"})
    client_of(colleague).post(PAGE, FORM)
    assert [token.name for token in ApiToken.objects.filter(user=owner)] == ["Ward 4", "Ward 3"]


def test_list_says_what_each_token_is_for_and_when_it_was_used(client, client_of, owner, cohort) -> None:
    browser = client_of(owner)
    text = shown_token(browser.post(PAGE, FORM | {"cohort": str(cohort.pk)}))
    page = browser.get(PAGE).content.decode()
    assert "Upload images, and try failed analyses again" in page
    assert "Never" in page
    assert opens(client, text) == 200
    token = ApiToken.objects.get()
    assert (token.name, token.scopes, token.cohort) == ("Ward 3", ["read", "upload"], cohort)
    assert token.last_used_at is not None
    assert "Never" not in browser.get(PAGE).content.decode()


def test_use_is_noted_once_a_minute(client, owner, django_assert_num_queries) -> None:
    text = token_of(owner, last_used_at=None)
    with django_assert_num_queries(3):  # the token with its owner, its use, the cohorts
        client.get("/api/v1/cohorts/", headers={"Authorization": f"Token {text}"})
    with django_assert_num_queries(2):
        client.get("/api/v1/cohorts/", headers={"Authorization": f"Token {text}"})
    minute_ago = ApiToken.objects.get().last_used_at - timedelta(minutes=1)
    ApiToken.objects.update(last_used_at=minute_ago)
    opens(client, text)
    assert ApiToken.objects.get().last_used_at > minute_ago


def test_token_that_has_run_out_stays_on_the_list_when_another_is_used(client, client_of, owner) -> None:
    token_of(owner, name="old", expiry=timedelta(seconds=-1))
    assert opens(client, token_of(owner)) == 200
    assert "Run out" in client_of(owner).get(PAGE).content.decode()


@pytest.mark.parametrize("how", ["reset", "closed", "set"])
def test_new_password_by_others_and_a_closed_account_end_all_tokens(
    client, client_of, owner, second, superuser, mailoutbox, how
) -> None:
    kept = token_of(second)
    for name in ("a", "b"):
        token_of(owner, name=name)
    if how == "reset":
        reset_by_mail(client, owner, mailoutbox)
    elif how == "set":
        form = {"password1": NEW, "password2": NEW, "usable_password": "true"}
        client_of(superuser).post(f"/admin/accounts/user/{owner.pk}/password/", form)
    else:
        form = {"email": owner.email, "full_name": "O", "memberships-TOTAL_FORMS": "0"}
        form["memberships-INITIAL_FORMS"] = "0"
        client_of(superuser).post(f"/admin/accounts/user/{owner.pk}/change/", form)
    assert [token.user for token in ApiToken.objects.all()] == [second]
    ended = AuditEvent.objects.filter(action="token.revoked", subject=str(owner.pk))
    assert [event.actor for event in ended] == [None if how == "reset" else superuser] * 2
    assert opens(client, kept) == 200


def test_create_token_makes_one_for_what_is_named(exporter, administrator, cohort) -> None:
    for account in ("exporter@example.org", "administrator@example.org"):
        call_command("create_token", account, stdout=StringIO())
    named = ["--scope", "read", "--scope", "upload", "--cohort", "North", "--name", "Scanner 2"]
    call_command("create_token", "administrator@example.org", *named, stdout=StringIO())
    made = {(token.user.full_name, token.cohort, *token.scopes) for token in ApiToken.objects.all()}
    assert made == {
        ("Exporter", None, "export"),
        ("Administrator", None, "administer", "export", "read", "review", "upload"),
        ("Administrator", cohort, "read", "upload"),
    }
    assert ApiToken.objects.get(cohort=cohort).name == "Scanner 2"


@pytest.mark.parametrize("arguments", [("--scope", "upload"), ("--cohort", "South")])
def test_create_token_for_what_the_account_may_not_do_makes_none(exporter, other_cohort, arguments) -> None:
    with pytest.raises(CommandError):
        call_command("create_token", exporter.email, *arguments)
    assert not ApiToken.objects.exists()


def test_there_is_no_second_table_of_tokens(db) -> None:
    tables = connection.introspection.table_names()
    assert [name for name in tables if "token" in name] == ["cases_apitoken"]
