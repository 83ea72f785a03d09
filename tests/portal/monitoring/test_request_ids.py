"""One id for a request: in its answer, in the log, and in what it sends to the queue."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import current_app
from celery.signals import before_task_publish
from django.test import Client

from cases.request_context import named, request_id
from portal.monitoring.logs import JsonFormatter

ID = re.compile(r"[0-9a-f]{32}")
GIVEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def written() -> Iterator[Callable[..., io.StringIO]]:
    """What the portal's own handler has written since it was last given a formatter."""
    handler = next(found for found in logging.getLogger().handlers if found.name == "stderr")
    before, formatter = handler.setStream(io.StringIO()), handler.formatter

    def stream(formatter: logging.Formatter | None = None) -> io.StringIO:
        if formatter:
            handler.setFormatter(formatter)
            handler.setStream(io.StringIO())
        found: io.StringIO = handler.stream
        return found

    yield stream
    handler.setStream(before)
    handler.setFormatter(formatter)


def test_each_answer_has_an_id_of_its_own() -> None:
    first, second = (Client().get("/health/live/").headers["X-Request-ID"] for _ in range(2))
    assert ID.fullmatch(first)
    assert first != second
    assert request_id() == ""


def test_id_of_the_proxy_is_taken_and_a_clients_own_is_not(settings) -> None:
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    assert Client().get("/health/live/", headers={"X-Request-ID": GIVEN})["X-Request-ID"] == GIVEN
    stranger = Client(REMOTE_ADDR="192.0.2.7").get("/health/live/", headers={"X-Request-ID": GIVEN})
    assert stranger["X-Request-ID"] != GIVEN
    for hostile in ("Doe^John", GIVEN.upper(), f"{GIVEN}0", ""):
        answer = Client().get("/health/live/", headers={"X-Request-ID": hostile})
        assert ID.fullmatch(answer["X-Request-ID"])


def test_log_line_of_a_request_has_its_id_and_as_json_its_fields(db, settings, written) -> None:
    settings.LOG_REQUESTS = True
    answer = Client().get("/accounts/sign-in/?next=/cases/Doe/")
    words = f" INFO {answer['X-Request-ID']} portal.requests GET /accounts/sign-in/ 200 "
    assert words in written().getvalue()
    said = written(JsonFormatter()).getvalue()
    assert said == ""
    answer = Client().get("/accounts/sign-in/?next=/cases/Doe/")
    [line] = written().getvalue().splitlines()
    found = json.loads(line)
    assert found.pop("milliseconds") > 0
    assert found.pop("time").endswith("+00:00")
    assert found.pop("message").startswith("GET /accounts/sign-in/ 200 ")
    assert found == {
        "level": "INFO",
        "logger": "portal.requests",
        "request_id": answer["X-Request-ID"],
        "method": "GET",
        "route": "/accounts/sign-in/",
        "status": 200,
    }


def test_error_as_json_is_one_line_with_its_traceback(written) -> None:
    stream = written(JsonFormatter())
    try:
        int("of nobody")
    except ValueError:
        logging.getLogger("portal").exception("It failed.")
    [line] = stream.getvalue().splitlines()
    assert json.loads(line)["message"].endswith("with base 10: 'of nobody'")


def test_message_carries_the_id_of_the_request_that_caused_it() -> None:
    sent: list[dict[str, Any]] = []

    def see(headers: dict[str, Any], **_others: Any) -> None:
        sent.append(headers)

    before_task_publish.connect(see)
    try:
        with named(GIVEN), current_app.connection_for_write("memory://") as broker:
            current_app.send_task("nothing", connection=broker)
        with current_app.connection_for_write("memory://") as broker:
            current_app.send_task("nothing", connection=broker)
    finally:
        before_task_publish.disconnect(see)
    assert sent[0]["request_id"] == GIVEN
    assert ID.fullmatch(sent[1]["request_id"])
    assert sent[1]["request_id"] != GIVEN
