"""Errors to Sentry, where SENTRY_DSN names one: what failed, where in the code, and the request's id.

Nothing of a patient or a person leaves with them. An event is not cleaned of what is known to be secret: it
is made anew of what is known to be none, kinds of errors, places in the source, words of ours as they stand
in it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

from cases.request_context import request_id
from portal.monitoring.requests import route_of

if TYPE_CHECKING:
    from sentry_sdk.transport import Transport

# Whose sentences in the log are constants, so that what stands in them is in the source.
_OURS = ("cases", "celery", "django", "inference", "portal")
WORDS_LEFT_OUT = "[words left out]"
_KEPT = ("event_id", "timestamp", "platform", "level", "logger", "release", "environment", "sdk")
_FRAME = ("filename", "function", "module", "lineno", "in_app")


def start(dsn: str, transport: type[Transport] | None = None) -> None:
    """Send what is logged as an error from now on. ImproperlyConfigured where the package is not there."""
    try:
        import sentry_sdk
        from sentry_sdk.integrations.logging import LoggingIntegration
    except ImportError as error:
        raise ImproperlyConfigured(
            "SENTRY_DSN is set, and sentry-sdk is not installed: pip install -r "
            "requirements-observability.txt, or OBSERVABILITY=yes for the containers' build."
        ) from error
    sentry_sdk.init(
        dsn,
        transport=transport,
        # Django's and Celery's own add requests, people, queries and arguments; the log has all errors.
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[LoggingIntegration(level=None, event_level=logging.ERROR, sentry_logs_level=None)],
        before_send=_made_anew,  # type: ignore[arg-type]  # their own type of a dict
        before_send_transaction=_nothing,
        include_local_variables=False,
        include_source_context=False,
        max_breadcrumbs=0,
        max_request_body_size="never",
        server_name="",
    )


def _nothing(_event: Any, _hint: Any) -> None:
    """Times go to OpenTelemetry."""


def _made_anew(event: dict[str, Any], hint: dict[str, Any]) -> dict[str, Any]:
    """The event again, of what may leave."""
    kept: dict[str, Any] = {name: event[name] for name in _KEPT if name in event}
    record = hint.get("log_record")
    kept["logentry"] = {"message": _words_of(record)}
    kept["tags"] = {"request_id": request_id() or "-"}
    request = getattr(record, "request", None)
    if request is not None and hasattr(request, "resolver_match"):
        kept["tags"]["route"] = route_of(request)
    if errors := event.get("exception", {}).get("values"):
        kept["exception"] = {"values": [_error(each) for each in errors]}
    return kept


def _words_of(record: Any) -> str:
    """The sentence as it stands in the source, without what it is filled with."""
    is_ours = record is not None and record.name.partition(".")[0] in _OURS
    return str(record.msg) if is_ours and record.args else WORDS_LEFT_OUT


def _error(error: dict[str, Any]) -> dict[str, Any]:
    """Its kind and its way through the code. What it says may quote a value, and stays in the log."""
    frames = error.get("stacktrace", {}).get("frames", [])
    return {
        "type": error.get("type"),
        "module": error.get("module"),
        "stacktrace": {"frames": [{name: each.get(name) for name in _FRAME} for each in frames]},
    }
