"""What the log leaves out, as it is written with the wiring of the settings."""

import io
import logging

import pytest
from django.test import Client

SECRET = "Zx3-live_secret-of-a-link-0123456789abcdef"


@pytest.fixture
def written():
    """What the portal's own handler writes while the test runs."""
    handler = next(found for found in logging.getLogger().handlers if found.name == "stderr")
    stream = io.StringIO()
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/accounts/invitation/{SECRET}/", "/accounts/invitation/[secret]"),
        (f"/accounts/password/reset/MQ/{SECRET}/", "/accounts/password/reset/[secret]"),
    ],
)
def test_form_without_token_leaves_no_secret_in_the_log(written, db, path, shown):
    assert Client(enforce_csrf_checks=True).post(path, {}).status_code == 403
    assert f"django.security.csrf Forbidden (CSRF cookie not set.): {shown}" in written.getvalue()
    assert SECRET not in written.getvalue()


def test_closed_or_mistyped_link_leaves_no_secret_in_the_log(written, client, db):
    assert client.get(f"/accounts/invitation/{SECRET}/").status_code == 410
    assert client.get(f"/accounts/invitation/{SECRET}/more/").status_code == 404
    assert written.getvalue().count("/accounts/invitation/[secret]") == 2
    assert SECRET not in written.getvalue()


def test_secret_in_a_query_or_a_traceback_leaves_no_trace(written):
    error = ValueError(f"/accounts/sign-in/?next=%2Faccounts%2Finvitation%2F{SECRET}%2F&more=1")
    logging.getLogger("django.request").error("Failed: /accounts/invitation/%s/", SECRET, exc_info=error)
    assert "?next=%2Faccounts%2Finvitation%2F[secret]&more=1" in written.getvalue()
    assert SECRET not in written.getvalue()


@pytest.mark.parametrize(
    "path", ["/accounts/password/reset/sent/", "/accounts/password/reset/", "/accounts/sign-in/"]
)
def test_other_addresses_are_logged_as_they_are(written, db, path):
    assert Client(enforce_csrf_checks=True).post(path, {}).status_code == 403
    assert written.getvalue().endswith(f": {path}\n")


def test_unreadable_boundary_is_not_repeated_in_the_log(written, client_of, owner):
    content_type = f"multipart/form-data; boundary={'Doe^Jane' * 30}"
    response = client_of(owner).generic("POST", "/cases/upload/", b"x", content_type=content_type)
    assert response.status_code == 400
    assert "Unable to parse request body" in written.getvalue()
    assert "MultiPartParserError" in written.getvalue()
    assert "Doe" not in written.getvalue()


def test_traceback_of_another_error_is_logged(written):
    logging.getLogger("django.request").error("Failed.", exc_info=ValueError("told to the operator"))
    assert written.getvalue().endswith("Failed.\nValueError: told to the operator\n")
