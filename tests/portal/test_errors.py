"""The pages that say what went wrong."""

import pytest
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import RequestFactory

from cases.models import Image
from portal import errors


@pytest.mark.parametrize(
    ("view", "status", "words"),
    [
        (
            lambda request: errors.bad_request(request, SuspiciousOperation("a secret path")),
            400,
            "cannot be understood",
        ),
        (lambda request: errors.page_not_found(request, Exception("a secret path")), 404, "nothing here"),
        (errors.server_error, 500, "broke on our side"),
        (errors.stale_form, 403, "out of date"),
    ],
)
def test_error_page_needs_no_database_and_tells_no_secret(view, status, words):
    # No `db` fixture: a query would fail this test.
    response = view(RequestFactory().get("/somewhere/"))
    page = response.content.decode()
    assert response.status_code == status
    assert words in page
    assert "a secret path" not in page
    assert 'href="/"' in page
    assert "For research and study use only" in page


def test_refusal_page_gives_the_sentence_of_the_rule(client_of, colleague):
    page = client_of(colleague).get("/dashboard/")
    assert page.status_code == 403
    assert "This page is for study administrators." in page.content.decode()


def test_form_with_too_many_files_is_told_the_number_and_the_way_on(client_of, owner, cohort, settings):
    settings.DATA_UPLOAD_MAX_NUMBER_FILES = 2
    files = [SimpleUploadedFile(f"{number}.png", b"x") for number in range(3)]
    response = client_of(owner).post("/cases/upload/", {"cohort": cohort.pk, "files": files})
    page = response.content.decode()
    assert response.status_code == 400
    assert "At most 2 files at once. Nothing was stored; send them in several goes." in page
    assert 'href="/cases/upload/"' in page
    assert not Image.objects.exists()


def test_unknown_address_is_not_found_for_anybody(client, db):
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()
