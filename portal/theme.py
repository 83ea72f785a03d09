"""Dark, light, or as the device says: the reader's own choice, kept in a cookie."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

COOKIE = "theme"
# The first is the default: reading rooms are dark.
THEMES = ("dark", "light", "auto")
A_YEAR = 365 * 24 * 60 * 60


def chosen_theme(request: HttpRequest) -> str:
    """The theme of this browser; the default where the cookie is missing or unknown."""
    wanted = request.COOKIES.get(COOKIE, "")
    return wanted if wanted in THEMES else THEMES[0]


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Remember the choice and go back to the page that it was made on."""
    wanted = request.POST.get("theme", "")
    if wanted not in THEMES:
        raise BadRequest(f"There is no such theme: {wanted[:20]!r}")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = resolve_url("home")
    response = redirect(back)
    response.set_cookie(
        COOKIE, wanted, max_age=A_YEAR, samesite="Lax", httponly=True, secure=settings.SESSION_COOKIE_SECURE
    )
    return response
