"""One's own security keys: added, called otherwise, removed."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import second_factor, security_keys
from portal.accounts.forms import KeyNameForm, NewKeyForm
from portal.accounts.models import SecurityKey, User
from portal.accounts.refusals import KeyRefused
from portal.accounts.second_factor_views import one_less, set_up


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def add(request: HttpRequest) -> HttpResponse:
    """One more key, which the browser asks on this page."""
    user = cast(User, request.user)
    if security_keys.keys_of(user).count() >= security_keys.MOST:
        words = _t("You have %(n)d security keys, and there may be no more. Remove one first.")
        messages.error(request, words % {"n": security_keys.MOST})
        return redirect("accounts:second-factor")
    form = NewKeyForm(request.POST or None, initial={"name": _t("Security key")})
    if form.is_valid():
        given = form.cleaned_data
        try:
            codes = security_keys.add(request, user, name=given["name"], answer=given["credential"])
        except KeyRefused:
            form.add_error(None, _t("This key could not be added. Try again, or take another one."))
        else:
            return set_up(request, codes, _t("Your security key is added."))
    works = security_keys.work_at(request)
    context = {
        "form": form,
        "key_options": security_keys.ask_for_new(request, user) if works else "",
        "local_address": security_keys.local_address(request),
        "is_asked": second_factor.is_asked_of(user),
    }
    return render(request, "accounts/security_key_new.html", context)


@require_POST
@login_required
def rename(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Another name for one of one's own."""
    key = _own(request, key_id)
    form = KeyNameForm(request.POST)
    if form.is_valid():
        security_keys.rename(key, form.cleaned_data["name"])
        messages.success(request, _t("The name is changed."))
    else:
        messages.error(request, _t("A key needs a name of at most 60 characters."))
    return redirect("accounts:second-factor")


@require_POST
@login_required
def remove(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """It opens nothing any more."""
    key = _own(request, key_id)
    return one_less(request, lambda: security_keys.remove(key))


def _own(request: HttpRequest, key_id: UUID) -> SecurityKey:
    return get_object_or_404(security_keys.keys_of(cast(User, request.user)), pk=key_id)
