"""Answers to who comes too often or at the wrong moment: 429 and 503, with the time to come again."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

from portal.accounts.refusals import RetryLater
from portal.errors import refused_for_now


class RetryLaterMiddleware(MiddlewareMixin):
    """The page for whatever a view refuses for the moment; REST has problem responses of its own."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer RetryLater; whatever else is raised is another's."""
        return refused_for_now(request, exception) if isinstance(exception, RetryLater) else None
