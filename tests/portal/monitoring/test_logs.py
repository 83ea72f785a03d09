"""What the log leaves out, as it is written with the wiring of the settings."""

import io
import json
import logging
import re

import pytest
from django.db import DataError, IntegrityError, transaction
from django.test import Client

from cases.models import Prediction, Review
from portal.accounts.background import later

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
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
        (f"/accounts/invitation/{SECRET}/", "/accounts/invitation/<str:secret>/"),
        (f"/accounts/password/reset/MQ/{SECRET}/", "/accounts/password/reset/<uidb64>/<token>/"),
    ],
)
def test_form_without_token_leaves_no_secret_in_the_log(written, db, path, shown):
    assert Client(enforce_csrf_checks=True).post(path, {}).status_code == 403
    assert f"django.security.csrf Forbidden (CSRF cookie not set.): {shown}" in written.getvalue()
    assert SECRET not in written.getvalue()


def test_closed_or_mistyped_link_leaves_no_secret_in_the_log(written, client, db):
    assert client.get(f"/accounts/invitation/{SECRET}/").status_code == 410
    assert client.get(f"/accounts/invitation/{SECRET}/more/").status_code == 404
    assert "Gone: /accounts/invitation/<str:secret>/" in written.getvalue()
    assert "Not Found: [no address of ours]" in written.getvalue()
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


def test_address_that_is_not_found_is_logged_without_what_was_typed(written, client_of, colleague):
    client = client_of(colleague)
    for path in ("/cases/DOEJ-ANE1/", "/Doe-Jane/1970/", "/cases/?after=Doe", "/api/v1/Doe/"):
        client.get(path)
    client.post("/Doe/", {"name": "Doe"})
    client.put("/cases/DOEJ-ANE1/")
    assert written.getvalue().count("Not Found: [no address of ours]") == 2
    assert "Not Found: /cases/<code:code>/" in written.getvalue()
    assert "Doe" not in written.getvalue()
    assert "DOEJ" not in written.getvalue()


@pytest.mark.both_databases
def test_words_of_a_reader_reach_no_log_whatever_is_refused(
    written, ready_case, colleague, api_of, client_of, mailoutbox
):
    """Said twice, said with what no database holds, refused by the database itself; and the reset's link."""
    words = "Doe, Jane: seen before"
    api, page = api_of(colleague), client_of(colleague)
    page.raise_request_exception = api.raise_request_exception = False
    prediction = str(Prediction.objects.get().pk)
    said = {"prediction": prediction, "verdict": "agree", "confidence": 4, "comment": words}
    url = f"/api/v1/cases/{ready_case.code}/reviews/"
    assert [api.post(url, said, format="json").status_code for _ in range(2)] == [201, 409]
    for comment in (f"{words}\0", f"{words}\ud800"):
        body = json.dumps(said | {"comment": comment})
        assert api.generic("POST", url, body, content_type=JSON).status_code == 400
        page.generic("POST", f"/cases/{ready_case.code}/draft/", f"comment={words}%00", content_type=FORM)
    not_a_number = f'{{"comment": "{words}", "a": NaN}}'
    assert api.generic("POST", url, not_a_number, content_type=JSON).status_code == 400
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        Review.objects.create(
            case=ready_case, reader=colleague, prediction_id=prediction, comment=words, confidence=9
        )
    logging.getLogger("django.request").error("Failed.", exc_info=refused.value)
    with pytest.raises(DataError) as too_long:
        raise DataError(f'invalid input syntax for type uuid: "{words}"\nLINE 1: {words}')
    logging.getLogger("django.request").error("Failed.", exc_info=too_long.value)
    page.post("/accounts/password/reset/", {"email": colleague.email})
    later(lambda: None).result()
    (link,) = re.findall(r"http://testserver(/\S+)", mailoutbox[0].body)
    page.get(link, follow=True)
    page.get(link + "more/")
    text = written.getvalue()
    assert "IntegrityError: " in text
    assert "DataError: [values left out]" in text
    assert not [secret for secret in ("Doe", "Jane", link.split("/")[-2], colleague.email) if secret in text]
