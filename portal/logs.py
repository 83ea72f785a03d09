"""What the log leaves out: the secrets in the addresses of our mails, and what a client sent.

Django's loggers (`django.request`, `django.security.*`) write the path of every
refused request, and with an error its traceback. An invitation's path opens an
account; and a boundary that Django cannot read is quoted in its error, so whoever
sends it writes into the log.
"""

from __future__ import annotations

import logging
import re
from copy import copy
from types import TracebackType
from typing import TypeAlias

from django.http.multipartparser import MultiPartParserError

ErrorInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
)

# Both as in a path and as in a query that holds one ("next=%2Faccounts%2F...").
_SECRET = re.compile(
    r"((?:/|%2F)accounts(?:/|%2F)(?:invitation|password(?:/|%2F)reset)(?:/|%2F)+)(?!sent\b)[^\s?&\"'<>]+",
    re.IGNORECASE,
)


class DiscreetFormatter(logging.Formatter):
    """Formats a record without secrets, whichever logger it came from."""

    def format(self, record: logging.LogRecord) -> str:
        # Another handler's formatter may have left the whole traceback on the record.
        fresh = copy(record)
        fresh.exc_text = None
        return _SECRET.sub(r"\1[secret]", super().format(fresh))

    def formatException(self, ei: ErrorInfo) -> str:  # noqa: N802 (logging's own name)
        """The traceback; of an unreadable form only the kind of error, since its words are the client's."""
        if ei[1] is not None and _quotes_the_client(ei[1]):
            return MultiPartParserError.__name__
        return super().formatException(ei)


def _quotes_the_client(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, MultiPartParserError):
            return True
        error = error.__cause__ or error.__context__
    return False
