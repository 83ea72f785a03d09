"""What may come in at all, whoever sent it: text that a database holds, JSON of bounded depth and numbers.

PostgreSQL holds no U+0000, neither in text nor in jsonb, and no database half of a surrogate pair. Each of
them is refused before anything is asked or written, so that no database has to repeat it in an error.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import DataError

# What we are sent is some three levels deep; json itself gives up at about a thousand.
MAX_DEPTH = 20
# Each whole number up to here is one of its own in JavaScript, SQLite and PostgreSQL
# (RFC 8259, section 6).
MAX_NUMBER = 2**53
# Of a count that a form or an address hands on; a 32-bit column holds each such number.
_MOST_DIGITS = 9
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class UnstorableText(SuspiciousOperation):
    """A request with characters that no database holds. Its words hold nothing of the request."""


def is_storable(text: str) -> bool:
    """Whether every database holds this text."""
    return _UNSTORABLE.search(text) is None


def count_in(text: str) -> int:
    """The count that a form or an address hands on; 0 for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0


def is_refused_value(error: BaseException | None) -> bool:
    """Whether the database, or its driver, refused a value: what came in was wrong, not the database."""
    if isinstance(error, UnicodeEncodeError):
        return "surrogates" in error.reason
    if isinstance(error, OverflowError):
        return "too large to convert" in str(error)  # sqlite3's integers
    # psycopg2 refuses U+0000 by itself.
    return isinstance(error, DataError) or (isinstance(error, ValueError) and "NUL (0x00)" in str(error))


class BoundedDecoder(json.JSONDecoder):
    """JSON as RFC 8259 has it, with bounds; whatever lies outside them is a JSONDecodeError."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **options, parse_int=_whole_number, parse_float=_finite_number, parse_constant=_no_number
        )

    def decode(self, s: str, *args: Any) -> Any:
        try:
            value = super().decode(s, *args)
        except RecursionError:
            raise json.JSONDecodeError("Nested too deeply", "", 0) from None
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            raise json.JSONDecodeError(str(error), "", 0) from None
        _check(value)
        return value


def _whole_number(digits: str) -> int:
    # By the length first: to read thousands of digits takes time.
    if len(digits) > len(str(MAX_NUMBER)) + 1 or abs(int(digits)) > MAX_NUMBER:
        raise ValueError("A number is too large")
    return int(digits)


def _finite_number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("A number is too large")
    return number


def _no_number(name: str) -> float:
    raise ValueError("NaN and Infinity are no numbers of JSON")


def _check(value: Any) -> None:
    """Refuse what is nested too deeply, or holds text that is not storable; by levels, not by recursion."""
    level = [value]
    for _ in range(MAX_DEPTH):
        if not all(is_storable(each) for each in level if isinstance(each, str)):
            raise json.JSONDecodeError("A text holds a character that cannot be stored", "", 0)
        level = [part for each in level for part in _parts(each)]
        if not level:
            return
    raise json.JSONDecodeError("Nested too deeply", "", 0)


def _parts(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
