"""Who is signed in shows a second factor where their role needs one, and once more who they are before what
could open an account to others.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _t

from cases.access import sent_by_script, way_back
from cases.api.problems import problem
from portal.accounts import proof, second_factor
from portal.accounts.models import User
from portal.errors import is_for_programs

ANY = frozenset({"GET", "HEAD", "POST"})
POST = frozenset({"POST"})
# By the name of the view: with these methods it asks who has not proved it lately (REAUTHENTICATION_SECONDS).
ASKING = {
    "people:own-tokens": ANY,
    "people:tokens": ANY,
    "people:list": POST,
    "people:role": POST,
    "people:remove": POST,
    "deletion:case": ANY,
    "deletion:cohort": ANY,
    "deletion:request": ANY,
    "deletion:retention": POST,
    "accounts:second-factor": ANY,
    "accounts:second-factor-app": ANY,
    "accounts:second-factor-app-end": POST,
    "accounts:security-key-add": ANY,
    "accounts:security-key-rename": POST,
    "accounts:security-key-remove": POST,
    "accounts:recovery-codes": POST,
    "accounts:second-factor-end": POST,
}
# What somebody may open who has no second factor yet, though their role needs one.
OPEN_WITHOUT = {
    "accounts:second-factor",
    "accounts:security-key-add",
    "accounts:confirm",
    "accounts:sign-in",
    "accounts:oidc",
    "accounts:oidc-back",
    "accounts:sign-out",
    "accounts:sessions",
    "accounts:sessions-end",
    "accounts:password-change",
    "admin:logout",
    "cases:class-colours",
    "language",
    "theme",
    "guides",
    "guide",
    "icon",
}


class ProofMiddleware(MiddlewareMixin):
    """Leads to the set-up of a second factor, or to the page that asks for password or code."""

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        """Answer in the place of the view where something is missing."""
        # The health pages must answer where the session's database does not.
        if request.path_info.startswith("/health/") or not isinstance(request.user, User):
            return None
        match = request.resolver_match
        name = match.view_name if match else ""
        if name not in OPEN_WITHOUT and _lacks_second_factor(request, request.user):
            return _ask_for_second_factor(request, request.user)
        if _asks(name, request.method or "") and not proof.is_recent(request):
            messages.info(request, _t("Show first that it is you. Then do it again."))
            return _lead_to("accounts:confirm", request)
        return None


def _asks(name: str, method: str) -> bool:
    return method in (POST if name.startswith("admin:") else ASKING.get(name, ()))


def _lacks_second_factor(request: HttpRequest, user: User) -> bool:
    return not proof.was_by_code(request) and second_factor.is_asked_of(user)


def _ask_for_second_factor(request: HttpRequest, user: User) -> HttpResponse:
    if is_for_programs(request):
        return problem("permission_denied", _t("Your role needs a second factor. Set it up in the portal."))
    if sent_by_script(request):
        return HttpResponse(status=403, headers={"HX-Refresh": "true"})
    if second_factor.has(user):
        return _lead_to("accounts:confirm", request)
    return redirect("accounts:second-factor")


def _lead_to(name: str, request: HttpRequest) -> HttpResponse:
    return redirect(f"{reverse(name)}?{urlencode({'next': way_back(request, None)})}")
