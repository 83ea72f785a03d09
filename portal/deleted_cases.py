"""Answers about cases that were deleted: 410, with the day."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from cases.access import CaseDeleted
from portal.errors import case_deleted


class DeletedCasesMiddleware(MiddlewareMixin):
    """The page for a case that was deleted, before it was asked for or meanwhile; REST answers by itself."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer CaseDeleted; whatever else is raised is another's."""
        return case_deleted(request, exception) if isinstance(exception, CaseDeleted) else None
