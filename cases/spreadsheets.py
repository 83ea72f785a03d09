"""Cells of CSV files that no program takes for anything but what they hold.

A spreadsheet runs a cell that begins with = + - @ as a formula, also behind spaces and line breaks (OWASP,
"CSV Injection"): such text is given an apostrophe, and so is text that begins with one. A line break inside a
cell would make two lines for whoever reads lines: it is written as the two characters \\n, and a backslash as
two. `text_of` takes both back.
"""

from __future__ import annotations

import json
import re
from typing import Any

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
# All that str.splitlines, and with it some reader of files, takes for the end of a line.
_BREAKS = re.compile("[\\\\\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
# What neither FHIR nor XML 1.0 allows in text.
_CONTROLS = re.compile("[\\\\\x00-\x08\x0b\x0c\x0e-\x1f]")
_ESCAPED = re.compile(r"\\(\\|n|r|u[0-9a-f]{4})")
_NAMED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def defused(text: str) -> str:
    """Text that no spreadsheet runs; it keeps its line breaks."""
    return f"'{text}" if text.lstrip().startswith(FORMULA_STARTS) or text.startswith(("\t", "\r")) else text


def safe_cell(value: Any) -> Any:
    """A value as a cell: text that stays text, on one line; numbers as they are."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if not isinstance(value, str):
        return value
    return _BREAKS.sub(_named, f"'{value}" if value.startswith("'") else defused(value))


def _named(found: re.Match[str]) -> str:
    sign = found.group()
    return _NAMED.get(sign) or f"\\u{ord(sign):04x}"


def text_of(cell: str) -> str:
    """The text that `safe_cell` made a cell of."""
    return unescaped(cell.removeprefix("'"))


def printable(text: str) -> str:
    """Text without the control characters that some formats forbid: escaped, and a backslash doubled."""
    return _CONTROLS.sub(_named, text)


def unescaped(text: str) -> str:
    """The text that was escaped."""
    return _ESCAPED.sub(_meant, text)


def _meant(found: re.Match[str]) -> str:
    name = found.group(1)
    return {"\\": "\\", "n": "\n", "r": "\r"}.get(name) or chr(int(name[1:], 16))


def one_line(words: str) -> str:
    """JSON whose text holds no sign that ends a line for some reader: each is escaped, as JSON allows."""
    if words.isascii():
        return words
    return re.sub("[\x85\u2028\u2029]", lambda found: f"\\u{ord(found.group()):04x}", words)
