"""Signing in to the Django admin: by the one sign-in that counts failures."""

import pytest

from portal.accounts.models import User
from tests.cast import PASSWORD

LOGIN = "/admin/login/"
ALLOWED_FAILURES = 5


@pytest.fixture
def superuser(db):
    return User.objects.create_superuser("super@example.org", PASSWORD, full_name="Super")


def door(client):
    """Where a visitor of the admin is asked for a password."""
    response = client.get("/admin/", follow=True)
    assert response.status_code == 200
    return response.redirect_chain[-1][0]


def is_signed_in(client):
    return "_auth_user_id" in client.session


def test_visitor_of_the_admin_is_led_to_the_one_sign_in(client, db):
    assert door(client) == "/accounts/sign-in/?next=/admin/"
    assert client.get(LOGIN, {"next": "/admin/cases/"}).url == "/accounts/sign-in/?next=/admin/cases/"
    assert client.get(LOGIN).url == "/accounts/sign-in/?next=/admin/"


def test_superuser_gets_in_by_the_one_sign_in(client, superuser):
    answer = {"username": superuser.email, "password": PASSWORD}
    response = client.post(door(client), answer | {"next": "/admin/"}, follow=True)
    assert response.redirect_chain == [("/admin/", 302)]
    assert response.status_code == 200
    assert client.get(LOGIN).url == "/admin/"


def test_right_password_after_too_many_wrong_ones_is_refused_at_the_admin_too(client, superuser):
    target = door(client)
    for _ in range(ALLOWED_FAILURES + 1):
        client.post(target, {"username": superuser.email, "password": "wrong"})
    page = client.post(target, {"username": superuser.email, "password": PASSWORD}).content.decode()
    assert "Wait 15 minutes" in page
    assert not is_signed_in(client)


def test_admin_login_takes_no_password_itself(client, superuser):
    response = client.post(LOGIN, {"username": superuser.email, "password": PASSWORD, "next": "/admin/"})
    assert response.status_code == 405
    assert not is_signed_in(client)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/"])
def test_admin_login_with_a_foreign_next_leads_to_nowhere_else(client, superuser, target):
    sign_in = client.get(LOGIN, {"next": target}).url
    assert sign_in.startswith("/accounts/sign-in/?next=")
    answer = {"username": superuser.email, "password": PASSWORD}
    assert client.post(sign_in, answer).url == "/cases/"


@pytest.mark.parametrize("who", ["owner", "colleague", "administrator"])
def test_admin_is_forbidden_to_whoever_is_signed_in_without_the_right(request, client_of, who):
    response = client_of(request.getfixturevalue(who)).get("/admin/", follow=True)
    assert response.status_code == 403
    assert "for its administrators alone" in response.content.decode()
