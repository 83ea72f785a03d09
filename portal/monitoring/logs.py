"""What the log leaves out: the secrets in the addresses of our mails, and what a client sent.

Django's loggers (`django.request`, `django.security.*`) write the path of every
refused request, and with an error its traceback. An invitation's path opens an
account, and whatever is typed behind a slash would stand there; a boundary that
Django cannot read, and a value that a database refuses, are quoted in the error.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from copy import copy
from datetime import UTC, datetime
from types import TracebackType
from typing import TypeAlias

from django.db import DatabaseError
from django.http.multipartparser import MultiPartParserError

from cases.request_context import request_id

ErrorInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

UNKNOWN_ADDRESS = "[no address of ours]"
# Both as in a path and as in a query that holds one ("next=%2Faccounts%2F...").
_SECRET = re.compile(
    r"((?:/|%2F)accounts(?:/|%2F)(?:invitation|password(?:/|%2F)reset)(?:/|%2F)+)(?!sent\b)[^\s?&\"'<>]+",
    re.IGNORECASE,
)


# What the lines of requests carry beside their words (portal/monitoring/requests.py).
_FIELDS = ("method", "route", "status", "milliseconds")


class RequestIdFilter(logging.Filter):
    """Lets every record pass, with the id of the request that it belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or "-"
        return True


class DiscreetFormatter(logging.Formatter):
    """Formats a record without secrets, whichever logger it came from."""

    def format(self, record: logging.LogRecord) -> str:
        # Another handler's formatter may have left the whole traceback on the record.
        fresh = copy(record)
        fresh.exc_text = None
        _name_the_route(fresh)
        return _SECRET.sub(r"\1[secret]", super().format(fresh))

    def formatException(self, ei: ErrorInfo) -> str:  # noqa: N802 (logging's own name)
        """The traceback; of an unreadable form only the kind of error, since its words are the client's."""
        errors = list(_chain(ei[1]))
        if any(isinstance(error, MultiPartParserError) for error in errors):
            return MultiPartParserError.__name__
        text = super().formatException(ei)
        for error in errors:
            if _is_of_a_database(error) and str(error):
                text = text.replace(str(error), _without_values(error))
        return text


class JsonFormatter(DiscreetFormatter):
    """The same as one object of JSON a line, for whatever collects logs."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": super().format(record),
        }
        said |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        return json.dumps(said, ensure_ascii=False)


def _name_the_route(record: logging.LogRecord) -> None:
    """Put the route, as the URLconf has it, in the place of the path that was asked for."""
    request = getattr(record, "request", None)
    path = getattr(request, "path", "")
    if not path or not isinstance(record.args, tuple):
        return
    match = getattr(request, "resolver_match", None)
    shown = f"/{match.route}" if match else UNKNOWN_ADDRESS
    record.args = tuple(shown if each == path else each for each in record.args)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_of_a_database(error: BaseException) -> bool:
    """An error of Django's family, or the driver's own one behind it."""
    return isinstance(error, DatabaseError) or type(error).__module__.startswith(("psycopg", "sqlite3"))


def _without_values(error: BaseException) -> str:
    """PostgreSQL's first line names the table or the constraint, its DETAIL below has the row. Of a value
    that is refused as such, and of a statement that is none, the first line quotes what was sent.
    """
    quotes = any(kind.__name__ in ("DataError", "ProgrammingError") for kind in type(error).__mro__)
    return "[values left out]" if quotes else str(error).partition("\n")[0]
