"""Each request's route, status and time: counted for Prometheus, and a line in the log where that is wanted.

The route is the URLconf's own text, so that no id, name or search of anybody becomes a label.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

# Several web processes add up through files in this folder, which the library wants to be there first.
if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
    Path(folder).mkdir(parents=True, exist_ok=True)

from prometheus_client import Counter, Histogram

from portal.monitoring import tracing

UNKNOWN = "(unknown)"
# A picture, a page, a large export.
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

ANSWERED = Counter("secondread_requests", "Requests that were answered.", ["method", "route", "status"])
TOOK = Histogram("secondread_request_seconds", "Time until the answer began.", ["route"], buckets=_SECONDS)

logger = logging.getLogger("portal.requests")


class RequestsMiddleware:
    """Stands just within the request's id, so that it counts what every other one answers as well."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - began
        route = route_of(request)
        ANSWERED.labels(_method(request), route, str(response.status_code)).inc()
        TOOK.labels(route).observe(seconds)
        tracing.record(f"{_method(request)} {route}", seconds, status=response.status_code)
        if settings.LOG_REQUESTS:
            logger.info(
                "%s %s %s %.0f ms",
                _method(request),
                route,
                response.status_code,
                seconds * 1000,
                extra={
                    "method": _method(request),
                    "route": route,
                    "status": response.status_code,
                    "milliseconds": round(seconds * 1000, 1),
                },
            )
        return response


def route_of(request: HttpRequest) -> str:
    """The route as the URLconf has it; one word for whatever is no address of ours."""
    match = request.resolver_match
    return f"/{match.route}" if match is not None else UNKNOWN


def _method(request: HttpRequest) -> str:
    """The method, if it is one: a client may send any word."""
    known = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
    return request.method if request.method in known else "OTHER"
