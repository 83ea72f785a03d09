"""The pages on which REST tokens are made, listed and revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cases.permissions import Action, cohorts_where
from portal.accounts import tokens
from portal.accounts.forms import TokenForm
from portal.accounts.models import User
from portal.accounts.requests import person


@dataclass(frozen=True)
class TokenRow:
    """What the list shows of a token."""

    key: str
    shown: str
    created: datetime
    expires: datetime | None
    has_run_out: bool


def _rows(user: User) -> list[TokenRow]:
    return [
        TokenRow(
            token.token_key,
            token.token_key[: tokens.SHOWN],
            token.created,
            token.expiry,
            tokens.has_run_out(token),
        )
        for token in tokens.tokens_of(user)
    ]


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def own_tokens(request: HttpRequest) -> HttpResponse:
    """The user's own tokens; a new one is shown once, on the answer to the form."""
    user = person(request)
    return _page(request, user, reverse("accounts:token-revoke"))


@login_required
@require_POST
def revoke_own(request: HttpRequest) -> HttpResponse:
    """End one of the user's own tokens."""
    user = person(request)
    _revoke(request, user)
    return redirect("accounts:tokens")


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def member_tokens(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """The tokens of an exporter account, for its study administrator."""
    user = _colleague_or_404(request, user_id)
    return _page(request, user, reverse("people:token-revoke", args=[user.pk]))


@login_required
@require_POST
def revoke_member(request: HttpRequest, user_id: UUID) -> HttpResponse:
    """End a token of an exporter account."""
    user = _colleague_or_404(request, user_id)
    _revoke(request, user)
    return redirect("people:tokens", user.pk)


def _page(request: HttpRequest, user: User, revoke_url: str) -> HttpResponse:
    tokens.require_tokens_of(person(request), user)
    form = TokenForm(request.POST or None)
    context: dict[str, Any] = {"owner": user, "form": form, "revoke_url": revoke_url, "issued": None}
    if form.is_valid():
        context["issued"] = tokens.issue(by=person(request), user=user, lifetime=form.lifetime())
    return render(request, "accounts/tokens.html", context | {"tokens": _rows(user)})


def _revoke(request: HttpRequest, user: User) -> None:
    if tokens.revoke(by=person(request), user=user, token_key=request.POST.get("token", "")):
        messages.success(request, _t("The token is revoked; what used it no longer gets in."))
    else:
        messages.warning(request, _t("There is no such token any more."))


def _colleague_or_404(request: HttpRequest, user_id: UUID) -> User:
    """Somebody in a cohort that the user manages."""
    managed = cohorts_where(person(request), Action.MANAGE)
    user = User.objects.filter(pk=user_id, memberships__cohort__in=managed).distinct().first()
    if user is None:
        raise Http404
    return user
