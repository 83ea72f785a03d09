"""To the hospital's provider, and back from it."""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal.accounts import oidc, proof, second_factor
from portal.accounts.models import User

logger = logging.getLogger(__name__)

NEXT = "oidc_next"


@never_cache
@require_safe
def leave(request: HttpRequest) -> HttpResponse:
    """To the provider; who is signed in already shows there once more who they are."""
    _require_provider()
    request.session[NEXT] = request.GET.get("next", "")
    back_to = request.build_absolute_uri(reverse("accounts:oidc-back"))
    try:
        return oidc.begin(request, back_to, anew=request.user.is_authenticated)
    except oidc.ProviderFault as fault:
        return _refused(request, fault)


@never_cache
@require_safe
def come_back(request: HttpRequest) -> HttpResponse:
    """From the provider, with what it says of somebody."""
    _require_provider()
    onward = _onward(request, request.session.pop(NEXT, ""))
    try:
        claims = oidc.claims_of(request)
    except oidc.ProviderFault as fault:
        return _refused(request, fault)
    try:
        user = oidc.person_of(claims)
        import_string(settings.SIGN_IN_CHECK)(user)
    except (oidc.NotLetIn, ValidationError) as refused:
        words = refused.messages[0] if isinstance(refused, ValidationError) else str(refused)
        messages.error(request, words)
        return redirect("accounts:sign-in")
    return _let_in(request, user, claims, onward)


def _let_in(request: HttpRequest, user: User, claims: oidc.Claims, onward: str) -> HttpResponse:
    if not claims.is_second_factor and second_factor.has(user):
        proof.go_half_way(request, user)
        return redirect(f"{reverse('accounts:sign-in-code')}?{urlencode({'next': onward})}")
    login(request, user, backend=proof.BACKEND)
    proof.note(request, by_code=claims.is_second_factor)
    return redirect(onward)


def _refused(request: HttpRequest, fault: oidc.ProviderFault) -> HttpResponse:
    """Nobody is let in. The log has the kind of fault alone: the words may hold what the provider sent."""
    logger.warning("The sign-in at the provider failed: %s.", fault)
    messages.error(request, _t("The sign-in there did not succeed. Try again, or use your password."))
    return redirect("accounts:sign-in")


def _onward(request: HttpRequest, wanted: Any) -> str:
    """Where to go then, within this site."""
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=request.is_secure()):
        return str(wanted)
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def _require_provider() -> None:
    if not oidc.is_set_up():
        raise Http404
