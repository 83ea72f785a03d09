"""The language of the pages: the reader's own choice, kept in a cookie and on the account.

The account's language stands before the browser's, so that it follows to other devices and into mails;
who is not signed in has the cookie's, and else what the browser asks for.
"""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.exceptions import BadRequest
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST
from django.views.i18n import LANGUAGE_QUERY_PARAMETER, set_language

from cases import audit
from portal.accounts.models import User


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Remember the choice and go back to the page that it was made on."""
    wanted = request.POST.get(LANGUAGE_QUERY_PARAMETER, "")
    if wanted not in dict(settings.LANGUAGES):
        raise BadRequest(f"There is no such language: {wanted[:20]!r}")
    if isinstance(request.user, User):
        remember_language(by=request.user, language=wanted)
    return set_language(request)


def remember_language(*, by: User, language: str) -> None:
    """Have pages and mails speak this language to the person, on every device."""
    with transaction.atomic():
        by.language = language
        by.save(update_fields=["language"])
        audit.record(by=by, action="user.language_chosen", subject=by, language=language)


class AccountLanguageMiddleware:
    """Speaks the language of the account, and leaves it in the cookie for when nobody is signed in.

    Who signs in has what was chosen before remembered, unless the account has a language already.

    Stands behind the authentication, and so behind Django's LocaleMiddleware, which has chosen already.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/health/"):
            # Those speak no language, and must answer where the database, and with it the session, does not.
            return self.get_response(request)
        visitor = not request.user.is_authenticated
        own = request.user.language if isinstance(request.user, User) else ""
        if own:
            translation.activate(own)
            request.LANGUAGE_CODE = own
        response = self.get_response(request)
        if visitor and _has_signed_in(request):
            _remember_the_cookies(request)
        # The language comes from a cookie or the session; LocaleMiddleware says only Accept-Language.
        patch_vary_headers(response, ["Cookie"])
        if own and settings.LANGUAGE_COOKIE_NAME not in response.cookies:
            _keep(request, response, own)
        return response


def _has_signed_in(request: HttpRequest) -> bool:
    # A token of the REST API makes a user too, but no session.
    return request.user.is_authenticated and SESSION_KEY in request.session


def _remember_the_cookies(request: HttpRequest) -> None:
    chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    if isinstance(request.user, User) and not request.user.language and chosen in dict(settings.LANGUAGES):
        remember_language(by=request.user, language=chosen)


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
