"""Signing in and out, passwords, and following an invitation."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth import views as auth_views
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.translation import get_language
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from cases.models import Invitation
from portal.accounts import services
from portal.accounts.forms import JoinForm, NewPasswordForm, ResetForm, SignInForm, is_for_scripts_only
from portal.accounts.models import User

BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(auth_views.LoginView):
    """The door. `next` is followed only within this site."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        chosen = self.request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        user = form.get_user()
        # What was chosen before the sign-in is remembered; what the account has already goes first.
        if not user.language and chosen in dict(settings.LANGUAGES):
            services.remember_language(by=user, language=chosen)
        return response


@never_cache
@require_safe
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Stand before the Django admin's own sign-in, which counts no failures, and lead to ours.

    Who is signed in without the right to the admin gets 403: the sign-in would send
    them straight back here.
    """
    if not request.user.is_authenticated:
        return redirect_to_login(request.GET.get("next") or reverse("admin:index"))
    if not request.user.is_staff:
        raise PermissionDenied(_t("The administration of the site is for its administrators alone."))
    return redirect("admin:index")


class PasswordChange(auth_views.PasswordChangeView):
    """A new password, for who knows the old one."""

    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("accounts:password-change")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _t("Your password is changed."))
        return response


class PasswordReset(auth_views.PasswordResetView):
    """A mail with a link; the answer is the same whether there is such an account or not."""

    template_name = "accounts/password_reset.html"
    form_class = ResetForm
    email_template_name = "accounts/mail/password_reset.txt"
    subject_template_name = "accounts/mail/password_reset_subject.txt"
    success_url = reverse_lazy("accounts:password-reset-sent")


class PasswordResetSent(auth_views.PasswordResetDoneView):
    """What to do now."""

    template_name = "accounts/password_reset_sent.html"


class PasswordResetConfirm(auth_views.PasswordResetConfirmView):
    """The page that the mail's link leads to."""

    template_name = "accounts/password_reset_confirm.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("accounts:sign-in")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _t("Your new password is set. Sign in with it."))
        return response


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponse:
    """Join a cohort by the link of an invitation."""
    try:
        found = services.find_open(secret)
        if request.user.is_authenticated:
            return _join_with_account(request, request.user, found, secret)
        if account := User.objects.filter(email=found.email).first():
            # A script's account cannot sign in; the link proves whose address it is.
            if account.is_active and is_for_scripts_only(account):
                return _join_with_account(request, account, found, secret)
            return render(request, "accounts/invitation_sign_in.html", {"invitation": found})
        return _join_as_new(request, found, secret)
    except services.InvitationClosed as closed:
        return render(request, "accounts/invitation_closed.html", {"reason": str(closed)}, status=410)


def _join_with_account(request: HttpRequest, user: User, found: Invitation, secret: str) -> HttpResponse:
    """One button for the right person; a way to sign out for anybody else."""
    if request.method != "POST":
        context = {"invitation": found, "is_addressee": found.email == user.email}
        return render(request, "accounts/invitation_join.html", context)
    services.accept_as_member(by=user, secret=secret)
    messages.success(request, _t("You have joined “%(cohort)s”.") % {"cohort": found.cohort.name})
    return redirect("cases:worklist")


def _join_as_new(request: HttpRequest, found: Invitation, secret: str) -> HttpResponse:
    """Name and password, then straight in; a script's account has no pages to go to."""
    form = JoinForm(User(email=found.email), request.POST or None)
    if not form.is_valid():
        return render(request, "accounts/invitation_new.html", {"invitation": found, "form": form})
    try:
        user = services.accept_as_new(
            secret=secret,
            full_name=form.cleaned_data["full_name"],
            password=form.cleaned_data["new_password1"],
            language=get_language() or "",
        )
    except services.AccountExists:
        return redirect(request.path)
    if is_for_scripts_only(user):
        return render(request, "accounts/invitation_scripts.html", {"invitation": found})
    login(request, user, backend=BACKEND)
    messages.success(request, _t("Welcome to “%(cohort)s”.") % {"cohort": found.cohort.name})
    return redirect("cases:worklist")
