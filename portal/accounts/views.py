"""Signing in, and passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse, reverse_lazy
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from django.views.generic import FormView

from portal.accounts import limiter, oidc, proof, second_factor
from portal.accounts.forms import ChangeForm, NewPasswordForm, ResetForm, SignInForm, seconds_to_wait
from portal.accounts.origin import remember_device

if TYPE_CHECKING:
    # Generic for the type checker only.
    AnyFormView: TypeAlias = FormView[Any]
else:
    AnyFormView = FormView

TOO_MANY_REQUESTS = 429


class TellsWhen(AnyFormView):
    """A form that is refused for a while says so to programs, too: 429 and Retry-After."""

    def form_invalid(self, form: Any) -> HttpResponse:
        response = super().form_invalid(form)
        if seconds := seconds_to_wait(form):
            response.status_code = TOO_MANY_REQUESTS
            response["Retry-After"] = str(seconds)
        return response


class AsksWhere(TellsWhen):
    """Its form is told of the request, whose origin is counted."""

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"request": self.request}


class SignIn(TellsWhen, auth_views.LoginView):
    """The door. `next` is followed only within this site."""

    template_name = "accounts/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        provider = settings.OIDC_NAME if oidc.is_set_up() else ""
        return super().get_context_data(**kwargs) | {"provider": provider}

    def form_valid(self, form: Any) -> HttpResponse:
        if second_factor.has(form.get_user()):
            proof.go_half_way(self.request, form.get_user())
            onward = urlencode({self.redirect_field_name: self.get_redirect_url()})
            return redirect(f"{reverse('accounts:sign-in-code')}?{onward}")
        response = super().form_valid(form)
        remember_device(self.request, response, limiter.person(form.get_user().email))
        return response


class SignOut(auth_views.LogoutView):
    """The way out. What the cases do then is named in the settings (SIGN_OUT_ACT).

    The browser forgets its copies of pages, for Back, and of pictures; the words that it kept it drops once
    the page that follows says that the sign-out is done.
    """

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            import_string(settings.SIGN_OUT_ACT)(request.user)
        response = super().post(request, *args, **kwargs)
        messages.success(request, _t("You are signed out."), extra_tags="signed-out")
        response["Clear-Site-Data"] = '"cache"'
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


class PasswordChange(AsksWhere, auth_views.PasswordChangeView):
    """A new password, for who knows the old one."""

    form_class = ChangeForm
    template_name = "accounts/password_change.html"
    success_url = reverse_lazy("accounts:password-change")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        proof.note(self.request)
        messages.success(self.request, _t("Your password is changed."))
        return response


class PasswordReset(AsksWhere, auth_views.PasswordResetView):
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

    def dispatch(self, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(*args, **kwargs)
        if not self.validlink:
            limiter.count_wrong_link(self.request, self.request.path)
        return response

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        messages.success(self.request, _t("Your new password is set. Sign in with it."))
        return response
