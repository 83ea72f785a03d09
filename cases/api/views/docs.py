"""The OpenAPI document as a page to read and to try, by Swagger UI from our own origin."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe


@require_safe
@ensure_csrf_cookie
def docs(request: HttpRequest) -> HttpResponse:
    """Open to everybody, as the document is; what is tried there asks with the own session, or a token."""
    return render(request, "api/docs.html")
