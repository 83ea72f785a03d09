"""What leaves the house where Sentry or OpenTelemetry are told: kinds, places, times; never a name."""

from __future__ import annotations

import json
import logging
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from celery import shared_task
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from cases.request_context import named
from portal.monitoring import sentry, tracing

NAME = "Sieglinde-Mustermann"
REQUEST = "0123456789abcdef0123456789abcdef"
logger = logging.getLogger("cases.intake")


def breaks(request: HttpRequest, code: str) -> HttpResponse:
    """A view that fails with a patient's name wherever one could stand."""
    patient = request.POST["patient"]
    known: dict[str, str] = {}
    try:
        return HttpResponse(known[patient])
    except KeyError as error:
        raise ValueError(f"no case of {patient}") from error


@shared_task(name="tests.breaks")
def broken_task(name: str) -> None:
    raise ValueError(f"no case of {name}")


urlpatterns = [path("broken/<str:code>/", breaks)]


class Kept(Transport):
    """Keeps what would be sent."""

    sent: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.sent.extend(json.loads(item.get_bytes()) for item in envelope.items)


@pytest.fixture
def told() -> Iterator[list[Any]]:
    """The events of a portal that tells Sentry."""
    Kept.sent = []
    before = sentry_sdk.get_global_scope().client
    sentry.start("https://key@sentry.example.org/1", Kept)
    yield Kept.sent
    sentry_sdk.get_client().close()
    sentry_sdk.get_global_scope().set_client(before)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """The times of a portal that tells a collector."""
    exporter = InMemorySpanExporter()
    tracing.start(SimpleSpanProcessor(exporter))
    yield exporter
    tracing.stop()


def ask_what_breaks(settings) -> None:
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False, headers={"X-Patient": NAME, "Cookie": f"patient={NAME}"})
    answer = client.post(f"/broken/{NAME}/?patient={NAME}", {"patient": NAME})
    assert answer.status_code == 500


@pytest.mark.urls(__name__)
def test_error_is_told_by_kind_place_route_and_request_and_without_a_name(told, settings, db) -> None:
    ask_what_breaks(settings)
    (event,) = told
    assert NAME not in json.dumps(event)
    assert [each["type"] for each in event["exception"]["values"]] == ["KeyError", "ValueError"]
    assert all("value" not in each for each in event["exception"]["values"])
    last = event["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    assert (last["function"], last["module"]) == ("breaks", __name__)
    assert not {"vars", "context_line"} & set(last)
    assert event["tags"]["route"] == "/broken/<str:code>/"
    assert len(event["tags"]["request_id"]) == 32
    assert not {"request", "user", "breadcrumbs", "modules", "extra", "server_name"} & set(event)


def test_sentence_of_the_log_is_told_as_it_stands_in_the_source(told) -> None:
    with named(REQUEST):
        logger.error("The picture of %s cannot be read.", NAME)
    (event,) = told
    assert event["logentry"] == {"message": "The picture of %s cannot be read."}
    assert event["tags"] == {"request_id": REQUEST}
    assert NAME not in json.dumps(event)


@pytest.mark.parametrize("name", ["cases.intake", "elsewhere.reader"])
def test_words_that_may_be_anybodys_are_left_out(told, name: str) -> None:
    """Sentences of others, and those that came to the log ready made."""
    logging.getLogger(name).error(f"Unknown patient {NAME}")  # noqa: G004 - what a library does
    (event,) = told
    assert event["logentry"] == {"message": sentry.WORDS_LEFT_OUT}
    assert NAME not in json.dumps(event)


def test_warning_is_not_told_and_no_crumb_of_it_either(told) -> None:
    logger.warning("The picture of %s is old.", NAME)
    logger.error("The picture of %s cannot be read.", 1)
    (event,) = told
    assert "is old" not in json.dumps(event)


def test_failure_of_a_task_is_told_without_its_arguments(told, spans) -> None:
    broken_task.apply(args=(NAME,))
    (event,) = told
    assert NAME not in json.dumps(told)
    (span,) = spans.get_finished_spans()
    assert (span.name, dict(span.attributes)) == ("tests.breaks", {"state": "FAILURE"})
    assert format(span.context.trace_id, "032x") == event["tags"]["request_id"]


@pytest.mark.urls(__name__)
def test_time_of_a_request_is_told_by_its_route_and_under_its_own_id(spans, settings, db) -> None:
    ask_what_breaks(settings)
    (span,) = spans.get_finished_spans()
    assert (span.name, dict(span.attributes)) == ("POST /broken/<str:code>/", {"status": 500})
    assert span.end_time >= span.start_time
    assert NAME not in span.to_json()
    uuid.UUID(format(span.context.trace_id, "032x"))


def test_nobody_is_told_where_nobody_is_named(client, db) -> None:
    assert tracing._tracer is None
    assert not sentry_sdk.get_client().is_active()
    assert client.get("/health/live/").status_code == 200


@pytest.mark.parametrize(
    ("start", "package"),
    [
        (lambda: sentry.start("https://key@sentry.example.org/1"), "sentry_sdk"),
        (tracing.start, "opentelemetry"),
    ],
)
def test_package_that_is_not_there_is_asked_for_in_a_sentence(start, package: str, monkeypatch) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == package] + [package]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImproperlyConfigured, match=r"pip install -r requirements-observability\.txt"):
        start()
