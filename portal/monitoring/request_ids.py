"""One id for a request, in its answer, in the log, and in the worker that goes on with it.

A message to the queue carries the id of the request that caused it, so that a job's lines in the worker's log
are found by it; a message that the sweep sends has an id of its own. The proxy's id is taken, so that its log
has the same; a client's own is not, since anything may stand there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest, HttpResponse

from portal.accounts.origin import is_from_proxy

HEADER = "X-Request-ID"
_SHAPE = re.compile(r"[0-9a-f]{32}")
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """Return the id of what is being worked at; empty outside of requests and tasks."""
    return _current.get()


@contextmanager
def named(request_id: str) -> Iterator[None]:
    """Within, this is the id of what is being worked at."""
    before = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(before)


class RequestIdMiddleware:
    """Gives each request its id. It stands first: whatever is logged of a request has it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with named(_id_of(request)):
            response = self.get_response(request)
            response.headers[HEADER] = current()
            return response


def _id_of(request: HttpRequest) -> str:
    named = request.headers.get(HEADER, "")
    return named if _SHAPE.fullmatch(named) and is_from_proxy(request) else uuid.uuid4().hex


@before_task_publish.connect
def _send_along(headers: dict[str, Any] | None = None, **_others: Any) -> None:
    if headers is not None:
        headers["request_id"] = current() or uuid.uuid4().hex


@task_prerun.connect
def _take_up(task: Any = None, **_others: Any) -> None:
    _current.set(getattr(task.request, "request_id", None) or uuid.uuid4().hex)


@task_postrun.connect
def _put_down(**_others: Any) -> None:
    _current.set("")
