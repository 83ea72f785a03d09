"""Times to an OpenTelemetry collector, where OTEL_EXPORTER_OTLP_ENDPOINT names one.

A trace is what one request set off: its id is the request's own, which the worker is told as well, so that
the answer and the analysis stand under one. A span is named by a route, a task or a step; it carries no
address, no query, no person and no case.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from celery.signals import task_postrun, task_prerun
from django.core.exceptions import ImproperlyConfigured

from cases.analysis.step_times import measured
from cases.request_context import named, request_id

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor

_tracer: Any = None
_MARK = "_secondread_began"


def start(processor: SpanProcessor | None = None) -> None:
    """Send times from now on. ImproperlyConfigured where the packages are not there."""
    global _tracer  # noqa: PLW0603 - one collector a process
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
    except ImportError as error:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: pip install -r "
            "requirements-observability.txt, or OBSERVABILITY=yes for the containers' build."
        ) from error

    class IdsOfRequests(RandomIdGenerator):
        """The request's id, which has the 128 bits of a trace's, is the trace's."""

        def generate_trace_id(self) -> int:
            return int(request_id() or "0", 16) or super().generate_trace_id()

    provider = TracerProvider(resource=Resource({SERVICE_NAME: "secondread"}), id_generator=IdsOfRequests())
    provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = provider.get_tracer("secondread")


def stop() -> None:
    """Send none any more."""
    global _tracer  # noqa: PLW0603 - as above
    _tracer = None


def record(name: str, seconds: float, **attributes: str | int) -> None:
    """Tell of what has just ended and took so long; nothing where nobody wants to know."""
    if _tracer is None:
        return
    ended = time.time_ns()
    span = _tracer.start_span(name, start_time=ended - int(seconds * 1e9), attributes=attributes)
    span.end(ended)


@task_prerun.connect
def _begin(task: Any = None, **_others: Any) -> None:
    if _tracer is not None:
        setattr(task.request, _MARK, time.perf_counter())


@measured.connect
def _steps(seconds: dict[str, float], **_others: Any) -> None:
    for name, took in seconds.items():
        record(f"analysis: {name}", took)


@task_postrun.connect
def _end(task: Any = None, state: str | None = None, **_others: Any) -> None:
    began = getattr(task.request, _MARK, None)
    if began is not None:
        # It may be put down already (request_ids.py).
        with named(task.request.request_id):
            record(task.name, time.perf_counter() - began, state=state or "")
