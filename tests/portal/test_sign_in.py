"""Signing in and out, and the theme; what is counted meanwhile is in test_limits.py."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.cast import PASSWORD

SIGN_IN = "/accounts/sign-in/"
ALLOWED_FAILURES = 5


def sign_in(client, email, password=PASSWORD, **more):
    return client.post(SIGN_IN, {"username": email, "password": password, **more})


def is_signed_in(client):
    return "_auth_user_id" in client.session


def test_sign_in_with_any_case_of_the_address_leads_to_the_worklist(client, colleague):
    response = sign_in(client, "Colleague@Example.ORG")
    assert (response.status_code, response.url) == (302, reverse("cases:worklist"))
    assert is_signed_in(client)


def test_sign_in_with_a_wrong_password_names_no_reason(client, colleague):
    known = sign_in(client, colleague.email, "wrong")
    unknown = sign_in(client, "nobody@example.org", "wrong")
    sentence = "do not belong together"
    assert sentence in known.content.decode()
    assert sentence in unknown.content.decode()
    assert not is_signed_in(client)


def test_sign_in_of_an_inactive_account_is_refused(client, colleague):
    colleague.is_active = False
    colleague.save()
    assert "do not belong together" in sign_in(client, colleague.email).content.decode()
    assert not is_signed_in(client)


def test_sign_in_of_an_exporter_is_refused_and_says_to_use_a_token(client, exporter):
    page = sign_in(client, exporter.email).content.decode()
    assert "fetches exports over REST with a token" in page
    assert not is_signed_in(client)


def test_sign_in_of_an_exporter_who_also_reads_elsewhere_is_let_in(client, exporter, other_cohort):
    exporter.memberships.create(cohort=other_cohort, role="radiologist")
    sign_in(client, exporter.email)
    assert is_signed_in(client)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_sign_in_with_a_foreign_next_stays_here(client, colleague, target):
    assert sign_in(client, colleague.email, next=target).url == reverse("cases:worklist")


def test_sign_in_with_an_own_next_goes_there(client, colleague):
    assert sign_in(client, colleague.email, next="/accounts/tokens/").url == "/accounts/tokens/"


def test_sign_in_of_somebody_signed_in_leads_on(client_of, colleague):
    assert client_of(colleague).get(SIGN_IN).url == reverse("cases:worklist")


def test_sixth_attempt_is_refused_even_with_the_right_password(client, colleague):
    for _ in range(ALLOWED_FAILURES):
        sign_in(client, colleague.email, "wrong")
    page = sign_in(client, colleague.email).content.decode()
    assert "Wait 15 minutes" in page
    assert not is_signed_in(client)


def test_unknown_address_is_blocked_like_a_known_one(client, db):
    for _ in range(ALLOWED_FAILURES):
        sign_in(client, "nobody@example.org", "wrong")
    assert "Wait 15 minutes" in sign_in(client, "NOBODY@example.org").content.decode()


def test_success_starts_the_count_over(client, colleague):
    for _ in range(ALLOWED_FAILURES - 1):
        sign_in(client, colleague.email, "wrong")
    sign_in(client, colleague.email)
    client.logout()
    sign_in(client, colleague.email, "wrong")
    sign_in(client, colleague.email)
    assert is_signed_in(client)


def test_block_of_one_address_leaves_others_alone(client, colleague, owner):
    for _ in range(ALLOWED_FAILURES):
        sign_in(client, colleague.email, "wrong")
    sign_in(client, owner.email)
    assert is_signed_in(client)


def test_sign_out_by_post_ends_the_session(client_of, colleague):
    client = client_of(colleague)
    assert client.post("/accounts/sign-out/").url == SIGN_IN
    assert not is_signed_in(client)


def test_page_after_the_sign_out_confirms_it_for_the_browser_and_no_other_sign_in_page_does(
    client_of, colleague, client
):
    """The browser drops what it keeps of typed words where this stands; an ended session leads here too."""
    confirmed = 'data-drafts="signed-out">You are signed out.'
    assert confirmed not in client_of(colleague).get("/accounts/password/").content.decode()
    page = client_of(colleague).post("/accounts/sign-out/", follow=True).content.decode()
    assert " ".join(page.split()).count(confirmed) == 1
    assert "signed-out" not in client.get("/cases/", follow=True).content.decode()


def test_form_of_somebody_else_is_refused_and_signs_nobody_out(client_of, colleague, second):
    client = client_of(second)
    for content in ({}, {"content_type": "application/x-www-form-urlencoded"}):
        typed = f"typed_by={colleague.pk}" if content else {"typed_by": str(colleague.pk)}
        assert client.post("/accounts/sign-out/", typed, **content).status_code == 403
    assert is_signed_in(client)
    assert client.post("/accounts/sign-out/", {"typed_by": str(second.pk)}).status_code == 302
    assert not is_signed_in(client)


def test_sign_out_by_get_is_refused_and_ends_nothing(client_of, colleague):
    client = client_of(colleague)
    assert client.get("/accounts/sign-out/").status_code == 405
    assert is_signed_in(client)


def test_sign_in_page_has_the_notice_and_no_inline_script_or_style(client, db):
    response = client.get(SIGN_IN)
    page = response.content.decode()
    assert "For research and study use only" in page
    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]


def test_theme_is_dark_until_chosen(client, db):
    assert 'data-theme="dark"' in client.get(SIGN_IN).content.decode()
    response = client.post("/theme/", {"theme": "light", "next": SIGN_IN})
    assert (response.status_code, response.url) == (302, SIGN_IN)
    assert 'data-theme="light"' in client.get(SIGN_IN).content.decode()


def test_theme_with_a_foreign_next_stays_here(client, db):
    assert client.post("/theme/", {"theme": "auto", "next": "//evil.example"}).url == "/"


def test_theme_that_is_unknown_is_refused_and_an_unknown_cookie_is_dark(client, db):
    assert client.post("/theme/", {"theme": '"><script>'}).status_code == 400
    client.cookies["theme"] = "neon"
    assert 'data-theme="dark"' in client.get(SIGN_IN).content.decode()
    assert client.get("/theme/").status_code == 405


def test_form_without_its_token_is_refused_with_a_way_on(colleague):
    client = Client(enforce_csrf_checks=True)
    response = client.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD})
    assert response.status_code == 403
    assert "This form is out of date" in response.content.decode()
    assert not is_signed_in(client)
