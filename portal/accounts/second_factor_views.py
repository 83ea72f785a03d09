"""The second step of signing in, proving it once more, and the page of one's own second factor."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from portal.accounts import limiter, oidc, proof, second_factor
from portal.accounts.forms import CodeForm, PasswordAgainForm, SetUpForm
from portal.accounts.models import User
from portal.accounts.origin import remember_device
from portal.accounts.views import AsksWhere

SEED = "second_factor_seed"


class GoesOn(RedirectURLMixin, AsksWhere):
    """A form on the way to another page of this site, which the address names as `next`."""

    def get_default_redirect_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SecondStep(GoesOn):
    """The code, of whoever has given the right password."""

    template_name = "accounts/code.html"
    form_class = CodeForm
    user: User

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = proof.half_way(request)
        if user is None:
            return redirect("accounts:sign-in")
        self.user = user
        return super().dispatch(request, *args, **kwargs)

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.user}

    def form_valid(self, form: Any) -> HttpResponse:
        proof.come_in(self.request, self.user)
        response = redirect(self.get_success_url())
        remember_device(self.request, response, limiter.person(self.user.email))
        return response


@method_decorator([sensitive_post_parameters(), never_cache, login_required], name="dispatch")
class Confirm(GoesOn):
    """Who has signed in a while ago shows who they are: by code, or by password without a second factor."""

    template_name = "accounts/confirm.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user = cast(User, request.user)
        if oidc.is_set_up() and not user.has_usable_password() and not second_factor.has(user):
            onward = urlencode({self.redirect_field_name: self.get_redirect_url()})
            return redirect(f"{reverse('accounts:oidc')}?{onward}")
        return super().get(request, *args, **kwargs)

    def get_form_class(self) -> Any:
        return CodeForm if second_factor.has(cast(User, self.request.user)) else PasswordAgainForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.request.user}

    def form_valid(self, form: Any) -> HttpResponse:
        proof.note(self.request, by_code=isinstance(form, CodeForm))
        return redirect(self.get_success_url())


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def own(request: HttpRequest) -> HttpResponse:
    """One's own second factor: set up with the app's first code, or how many recovery codes are left."""
    user = cast(User, request.user)
    if second_factor.has(user):
        context: dict[str, Any] = {
            "codes_left": second_factor.codes_left(user),
            "is_asked": second_factor.is_asked_of(user),
        }
        return render(request, "accounts/second_factor.html", context)
    seed: str = request.session.get(SEED) or second_factor.new_seed()
    request.session[SEED] = seed
    form = SetUpForm(request.POST or None, seed=seed)
    if form.is_valid():
        codes = second_factor.begin(user, seed, form.cleaned_data["code"])
        del request.session[SEED]
        proof.note(request, by_code=True)
        messages.success(request, _t("Your second factor is set up."))
        return render(request, "accounts/recovery_codes.html", {"codes": codes})
    shown = {"picture": second_factor.picture_of(user, seed), "secret": second_factor.secret_of(seed)}
    context = {**shown, "form": form, "is_asked": second_factor.is_asked_of(user)}
    return render(request, "accounts/second_factor_setup.html", context)


@never_cache
@require_POST
@login_required
def new_codes(request: HttpRequest) -> HttpResponse:
    """Recovery codes in the place of the earlier ones, shown this once."""
    user = cast(User, request.user)
    if not second_factor.has(user):
        return redirect("accounts:second-factor")
    return render(request, "accounts/recovery_codes.html", {"codes": second_factor.renew_codes(user)})


@require_POST
@login_required
def end(request: HttpRequest) -> HttpResponse:
    """Sign in by password alone from now on, where that is allowed."""
    user = cast(User, request.user)
    if second_factor.is_asked_of(user):
        messages.error(request, _t("Your account needs a second factor. Ask to have it set up anew."))
    elif second_factor.end(by=user, user=user):
        messages.success(request, _t("You sign in by password alone from now on."))
    return redirect("accounts:second-factor")
