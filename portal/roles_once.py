"""What somebody may do is looked up once a request."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from cases import held_roles


class RolesOnceMiddleware:
    """Keeps the roles that a request asked for until its answer is made; a stream asks anew as it goes on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with held_roles.asked_once():
            return self.get_response(request)
