"""The page that the link of an invitation leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from cases.people import invitations
from cases.people.forms import JoinForm
from cases.people.script_accounts import is_for_scripts_only

if TYPE_CHECKING:
    from cases.models import Invitation
    from portal.accounts.models import User


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Join a cohort by the link of an invitation."""
    try:
        found = invitations.find_open(secret)
        if request.user.is_authenticated:
            return _join_with_account(request, request.user, found, secret)
        if account := get_user_model().objects.filter(email=found.email).first():
            # A script's account cannot sign in; the link proves whose address it is.
            if account.is_active and is_for_scripts_only(account):
                return _join_with_account(request, account, found, secret)
            return render(request, "people/invitation_sign_in.html", {"invitation": found})
        return _join_as_new(request, found, secret)
    except invitations.InvitationClosed as closed:
        import_string(settings.WRONG_LINK_CHECK)(request, secret)
        return render(request, "people/invitation_closed.html", {"reason": str(closed)}, status=410)


def _join_with_account(request: HttpRequest, user: User, found: Invitation, secret: str) -> HttpResponse:
    """One button for the right person; a way to sign out for anybody else."""
    if request.method != "POST":
        context = {"invitation": found, "is_addressee": found.email == user.email}
        return render(request, "people/invitation_join.html", context)
    invitations.accept_as_member(by=user, secret=secret)
    messages.success(request, _t("You have joined “%(cohort)s”.") % {"cohort": found.cohort.name})
    return redirect("cases:worklist")


def _join_as_new(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    """Name and password, then straight in; a script's account has no pages to go to."""
    form = JoinForm(get_user_model()(email=found.email), request.POST or None)
    if not form.is_valid():
        return render(request, "people/invitation_new.html", {"invitation": found, "form": form})
    try:
        user = invitations.accept_as_new(
            secret=secret,
            full_name=form.cleaned_data["full_name"],
            password=form.cleaned_data["new_password1"],
            language=get_language() or "",
        )
    except invitations.AccountExists:
        return redirect(request.path)
    if is_for_scripts_only(user):
        return render(request, "people/invitation_scripts.html", {"invitation": found})
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    messages.success(request, _t("Welcome to “%(cohort)s”.") % {"cohort": found.cohort.name})
    return redirect("cases:worklist")
