"""Answers about cases that were deleted: 410, with the day."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cases.access import CaseDeleted
from portal.errors import case_deleted


class DeletedCasesMiddleware:
    """The page for a case that was deleted, before it was asked for or meanwhile; REST answers by itself."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer CaseDeleted; whatever else is raised is another's."""
        return case_deleted(request, exception) if isinstance(exception, CaseDeleted) else None
