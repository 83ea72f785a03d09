"""The language of the pages: the reader's own choice, kept in a cookie and on the account.

The account's language stands before the browser's, so that it follows to other devices and into mails;
who is not signed in has the cookie's, and else what the browser asks for.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from portal.accounts.models import User
from portal.accounts.services import remember_language


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the choice and go back to the page that it was made on."""
    wanted = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if wanted not in dict(settings.LANGUAGES):
        raise BadRequest(f"There is no such language: {wanted[:20]!r}")
    if isinstance(request.user, User):
        remember_language(by=request.user, language=wanted)
    return set_language(request)


class AccountLanguageMiddleware:
    """Speaks the language of the account, and leaves it in the cookie for when nobody is signed in.

    Stands behind the authentication, and so behind Django's LocaleMiddleware, which has chosen already.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        own = request.user.language if isinstance(request.user, User) else ""
        if own:
            translation.activate(own)
            request.LANGUAGE_CODE = own
        response = self.get_response(request)
        # The language comes from a cookie or the session; LocaleMiddleware says only Accept-Language.
        patch_vary_headers(response, ["Cookie"])
        if own and settings.LANGUAGE_COOKIE_NAME not in response.cookies:
            _keep(request, response, own)
        return response


def _keep(request: HttpRequest, response: HttpResponse, language: str) -> None:
    if request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME) != language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            path=settings.LANGUAGE_COOKIE_PATH,
            domain=settings.LANGUAGE_COOKIE_DOMAIN,
            secure=settings.LANGUAGE_COOKIE_SECURE,
            httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
            samesite="Lax",
        )
