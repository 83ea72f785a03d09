"""Refuses requests with text that no database can hold, before any view or query meets it.

REST reads its own bodies (cases/api/parsers.py), once it is known who sent them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse

from cases.input_values import UnstorableText, is_storable
from portal.errors import is_for_programs

FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class StorableTextMiddleware:
    """400 for U+0000 and lone surrogates in the address, a header or a form."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        _check([request.path_info, *_texts(request.GET.lists())])
        _check(value for name, value in request.META.items() if name.startswith("HTTP_"))
        # A cookie may come from another site of this host: it is left out, and locks nobody out.
        for name in [name for name, value in request.COOKIES.items() if not is_storable(value)]:
            del request.COOKIES[name]
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *view: Any) -> None:
        """Look at the form; by now the check against forged requests has read it."""
        if request.method == "POST" and request.content_type in FORMS and not is_for_programs(request):
            _check(_texts(request.POST.lists()))


def _texts(lists: Iterable[tuple[str, Sequence[object]]]) -> Iterable[str]:
    for name, values in lists:
        yield name
        yield from (value for value in values if isinstance(value, str))


def _check(texts: Iterable[str]) -> None:
    if not all(is_storable(text) for text in texts):
        raise UnstorableText("A character that cannot be stored.")
