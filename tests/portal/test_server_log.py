"""Nothing private in our log or in PostgreSQL's, set up as in docker-compose.yml, after a run that tries."""

from __future__ import annotations

import json
import logging
import os
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection, transaction
from django.test import Client

from cases.models import ApiToken, Prediction, Review
from portal.accounts.background import later
from portal.accounts.models import User
from tests.cast import make_png_bytes
from tests.portal.monitoring.test_logs import FORM, JSON, written

__all__ = ["written"]

# Each stands in one kind of input, so that a failure says which.
SECRETS = {
    "comment": "Jane-Doe-seen-before",
    "other finding": "Doe-left-frontal-cyst",
    "reason": "Doe-told-me-on-the-telephone",
    "file name": "Doe-Jane-1970-01-01",
    "address of a page": "Doe-Jane-of-room-12",
    "typed e-mail": "jane.doe-patient@clinic.example",
    "typed password": "my-live-password-of-today",
    "token": "0123456789abcdef-live-token-of-a-script",
}


@pytest.fixture
def server_log(db) -> Path:
    """The log of the server that this run has started; one that somebody names keeps its log to itself."""
    if connection.vendor != "postgresql" or os.environ.get("TEST_DATABASE_URL"):
        pytest.skip("needs the PostgreSQL that tests.run starts")
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        return Path(cursor.fetchone()[0]).parent / "server.log"


def try_rest(api, code: str, prediction: str) -> None:
    """Say it twice, with what no database holds, and of a case that is none."""
    said = {"prediction": prediction, "verdict": "agree", "confidence": 4, "comment": SECRETS["comment"]}
    said["other_finding"] = SECRETS["other finding"]
    url = f"/api/v1/cases/{code}/reviews/"
    assert [api.post(url, said, format="json").status_code for _ in range(2)] == [201, 409]
    for bent in ("\0", "\ud800"):
        body = json.dumps(said | {"comment": SECRETS["comment"] + bent})
        assert api.generic("POST", url, body, content_type=JSON).status_code == 400
    for value in ("NaN", "9" * 400, "[" * 20_000):
        body = json.dumps(said)[:-1] + f', "region": {value}}}'
        assert api.generic("POST", url, body, content_type=JSON).status_code == 400
    api.post(f"/api/v1/cases/{SECRETS['address of a page']}/reviews/", said, format="json")


def try_pages(page: Client, code: str, prediction: str) -> None:
    """The same by forms; a draft, a file, and addresses that are mistyped."""
    said = {"prediction": prediction, "verdict": "agree", "confidence": 4, "comment": SECRETS["comment"]}
    page.post(f"/cases/{code}/", said)
    page.post(f"/cases/{code}/amend/", said | {"reason": SECRETS["reason"]})
    page.generic("POST", f"/cases/{code}/draft/", f"comment={SECRETS['comment']}%00", content_type=FORM)
    for content in (b"no picture", make_png_bytes(seed=9), b""):
        file = SimpleUploadedFile(f"{SECRETS['file name']}.png", content)
        page.post("/cases/upload/", {"cohort": "North", "files": [file]})
    for path in ("/{}/", "/cases/{}/", "/cases/?q={}", "/api/v1/{}/", "/cases/{}%00/", "/static/{}.css"):
        page.get(path.format(SECRETS["address of a page"]))


def try_the_door(visitor: Client, colleague: User, mails: list) -> list[str]:
    """Sign in wrongly, up to the limit; ask for a mail; follow its link. Returns the parts of the link."""
    for _ in range(7):
        visitor.post(
            "/accounts/sign-in/",
            {"username": SECRETS["typed e-mail"], "password": SECRETS["typed password"]},
        )
    for email in (SECRETS["typed e-mail"], colleague.email):
        visitor.post("/accounts/password/reset/", {"email": email})
    later(lambda: None).result()
    (link,) = re.findall(r"http://testserver(/\S+)", mails[0].body)
    visitor.get(link)
    visitor.get(f"{link}more/")
    for _ in range(12):
        visitor.get("/api/v1/cases/", headers={"Authorization": f"Token {SECRETS['token']}"})
    return [link.split("/")[-2]]


def try_the_database(review: Review) -> None:
    """What a fault of ours would do: rows and statements that the database itself refuses."""
    words = SECRETS["comment"]
    refused = [
        lambda: Review.objects.filter(pk=review.pk).update(comment=words),
        lambda: Review.objects.create(
            case=review.case,
            reader=review.reader,
            prediction=review.prediction,
            comment=words,
            confidence=9,
        ),
        lambda: connection.cursor().execute("SELECT %s::uuid", [words]),
        lambda: connection.cursor().execute(f"SELECT '{words}' FROM no_such_table"),
    ]
    for statement in refused:
        with pytest.raises(DatabaseError) as error, transaction.atomic():
            statement()
        logging.getLogger("django.request").error("Failed.", exc_info=error.value)


def test_no_log_holds_what_readers_and_visitors_have_typed(
    server_log, written, ready_case, colleague, api_of, client_of, mailoutbox
) -> None:
    before = server_log.stat().st_size
    prediction = str(Prediction.objects.get().pk)
    api, page, visitor = api_of(colleague), client_of(colleague), Client()
    for client in (api, page, visitor):
        client.raise_request_exception = False
    try_rest(api, ready_case.code, prediction)
    try_pages(page, ready_case.code, prediction)
    links = try_the_door(visitor, colleague, mailoutbox)
    try_the_database(Review.objects.get())
    with connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE LOG 'The end of the trial.'; END $$")
    with server_log.open("rb") as log:
        log.seek(before)
        logs = {"the server's": log.read().decode(), "ours": written.getvalue()}
    # Both did speak of it.
    assert "The end of the trial." in logs["the server's"]
    assert "Failed." in logs["ours"]
    assert ApiToken.objects.exists()
    for whose, text in logs.items():
        found = {kind for kind, secret in SECRETS.items() if secret.lower() in text.lower()}
        assert found == set(), whose
        assert not [secret for secret in [*links, colleague.email] if secret in text], whose
