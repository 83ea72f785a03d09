"""What a form sends, as what is taken in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cases.intake.form_parts import Fate, Part, parts_of
from cases.intake.receipts import Given, refusal_of_cut_off, refusal_of_oversized, refusal_of_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.http import HttpRequest
    from rest_framework.request import Request


def files_of(request: HttpRequest | Request, field: str) -> list[tuple[str, Given]]:
    """One for each part of this name, in the order of the form: its file name, and the file or the receipt of
    what is none. Empty where none of them is a file.
    """
    parts = [part for part in parts_of(request) if part.field == field]
    if all(part.fate is Fate.TEXT for part in parts):
        return []
    kept: Iterator[Any] = iter(request.FILES.getlist(field))
    return [(part.file_name, _given(part, kept)) for part in parts]


def _given(part: Part, kept: Iterator[Any]) -> Given:
    if part.fate is Fate.TEXT:
        return refusal_of_text()
    if part.fate is Fate.OVERSIZED:
        return refusal_of_oversized()
    if part.fate is Fate.CUT_OFF:
        return refusal_of_cut_off()
    file: Given = next(kept)
    return file
