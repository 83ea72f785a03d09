"""Whether somebody still does something in a session."""

from __future__ import annotations

from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

from portal.accounts import sessions

# What pages ask by themselves, whether somebody sits before them or not.
ASKED_BY_ITSELF = frozenset({"cases:hold", "cases:incoming", "cases:live", "cases:states", "cases:status"})
# And what they ask so of a page that people open as well.
RENEWED = frozenset({"dashboard:evidence", "export:snapshots"})


class SeenSessionMiddleware(SessionMiddleware):
    """Django's, which notes the last use of a session."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        if request.resolver_match and not is_asked_by_itself(request):
            sessions.note_use(request.session)
        return super().process_response(request, response)


def is_asked_by_itself(request: HttpRequest) -> bool:
    """Whether an open page asks this, and nobody did anything."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    return name in ASKED_BY_ITSELF or (name in RENEWED and "HX-Request" in request.headers)
