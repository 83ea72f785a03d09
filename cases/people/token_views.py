"""The pages on which REST tokens are made, listed and revoked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cases.access import PageRequest, signed_in
from cases.models import Cohort
from cases.people import tokens
from cases.people.forms import TokenForm
from cases.permissions import Action, cohorts_where
from cases.scopes import Scope

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portal.accounts.models import User


@dataclass(frozen=True)
class TokenRow:
    """What the list shows of a token. cohort: None for all."""

    key: str
    shown: str
    name: str
    scopes: list[StrOrPromise]
    cohort: Cohort | None
    created: datetime
    last_used: datetime | None
    expires: datetime | None
    has_run_out: bool


def _rows(user: User) -> list[TokenRow]:
    return [
        TokenRow(
            token.token_key,
            token.token_key[: tokens.SHOWN],
            token.name,
            [Scope(scope).label for scope in token.scopes],
            token.cohort,
            token.created,
            token.last_used_at,
            token.expiry,
            tokens.has_run_out(token),
        )
        for token in tokens.tokens_of(user).select_related("cohort")
    ]


@never_cache
@require_http_methods(["GET", "POST"])
@signed_in
def own_tokens(request: PageRequest) -> HttpResponse:
    """The user's own tokens; a new one is shown once, on the answer to the form."""
    return _page(request, request.user, reverse("people:own-token-revoke"))


@require_POST
@signed_in
def revoke_own(request: PageRequest) -> HttpResponse:
    """End one of the user's own tokens."""
    _revoke(request, request.user)
    return redirect("people:own-tokens")


@never_cache
@require_http_methods(["GET", "POST"])
@signed_in
def member_tokens(request: PageRequest, user_id: UUID) -> HttpResponse:
    """The tokens of an exporter account, for its study administrator."""
    user = _colleague_or_404(request, user_id)
    return _page(request, user, reverse("people:token-revoke", args=[user.pk]))


@require_POST
@signed_in
def revoke_member(request: PageRequest, user_id: UUID) -> HttpResponse:
    """End a token of an exporter account."""
    user = _colleague_or_404(request, user_id)
    _revoke(request, user)
    return redirect("people:tokens", user.pk)


def _page(request: PageRequest, user: User, revoke_url: str) -> HttpResponse:
    tokens.require_tokens_of(request.user, user)
    is_own = user.pk == request.user.pk
    form = TokenForm(request.POST or None, owner=user, is_own=is_own)
    context: dict[str, Any] = {"owner": user, "form": form, "revoke_url": revoke_url, "issued": None}
    if form.is_valid():
        context["issued"] = tokens.issue(by=request.user, user=user, terms=form.terms())
        context["form"] = TokenForm(owner=user, is_own=is_own)
    return render(request, "people/tokens.html", context | {"tokens": _rows(user)})


def _revoke(request: PageRequest, user: User) -> None:
    if tokens.revoke(by=request.user, user=user, token_key=request.POST.get("token", "")):
        messages.success(request, _t("The token is revoked; what used it no longer gets in."))
    else:
        messages.warning(request, _t("There is no such token any more."))


def _colleague_or_404(request: PageRequest, user_id: UUID) -> User:
    """Somebody in a cohort that the user manages."""
    managed = cohorts_where(request.user, Action.MANAGE)
    user = get_user_model().objects.filter(pk=user_id, memberships__cohort__in=managed).distinct().first()
    if user is None:
        raise Http404
    return user
