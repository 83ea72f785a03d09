"""One id for a request, in its answer, in the log, and in the worker that goes on with it.

A message to the queue carries the id of the request that caused it, so that a job's lines in the worker's log
are found by it; a message that the sweep sends has an id of its own. The proxy's id is taken, so that its log
has the same; a client's own is not, since anything may stand there.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.http import HttpRequest, HttpResponse

from cases.request_context import named, request_id, take_up
from portal.accounts.origin import is_from_proxy

HEADER = "X-Request-ID"
_SHAPE = re.compile(r"[0-9a-f]{32}")


class RequestIdMiddleware:
    """Gives each request its id. It stands first: whatever is logged of a request has it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with named(_id_of(request)):
            response = self.get_response(request)
            response.headers[HEADER] = request_id()
            return response


def _id_of(request: HttpRequest) -> str:
    sent = request.headers.get(HEADER, "")
    return sent if _SHAPE.fullmatch(sent) and is_from_proxy(request) else uuid.uuid4().hex


@before_task_publish.connect
def _send_along(headers: dict[str, Any] | None = None, **_others: Any) -> None:
    if headers is not None:
        headers["request_id"] = request_id() or uuid.uuid4().hex


@task_prerun.connect
def _take_up(task: Any = None, **_others: Any) -> None:
    task.request.request_id = getattr(task.request, "request_id", None) or uuid.uuid4().hex
    take_up(task.request.request_id)


@task_postrun.connect
def _put_down(**_others: Any) -> None:
    take_up("")
