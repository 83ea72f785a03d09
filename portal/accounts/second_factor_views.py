"""The second step of signing in, proving it once more, and the page of one's own second factor."""

from __future__ import annotations

from collections.abc import Callable
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

from portal.accounts import limiter, oidc, proof, second_factor, security_keys
from portal.accounts.forms import CodeForm, KeyAnswerForm, PasswordAgainForm, SetUpForm
from portal.accounts.models import User
from portal.accounts.origin import remember_device
from portal.accounts.refusals import StillNeeded
from portal.accounts.views import AsksWhere

SEED = "second_factor_seed"


class GoesOn(RedirectURLMixin, AsksWhere):
    """A form on the way to another page of this site, which the address names as `next`."""

    def get_default_redirect_url(self) -> str:
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"next": self.get_redirect_url()}


class AsksForFactor(GoesOn):
    """A code, or one of the person's security keys: two forms of one page."""

    user: User

    def get_form_class(self) -> Any:
        return KeyAnswerForm if "credential" in self.request.POST else CodeForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.user}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        if isinstance(context["form"], KeyAnswerForm):
            context["key_errors"] = context["form"].non_field_errors()
            context["form"] = CodeForm(request=self.request, user=self.user)
        has_keys = security_keys.keys_of(self.user).exists()
        may_ask = has_keys and security_keys.work_at(self.request)
        options = security_keys.ask_for_known(self.request, self.user) if may_ask else ""
        return context | {"has_keys": has_keys, "key_options": options}


@method_decorator([sensitive_post_parameters(), never_cache], name="dispatch")
class SecondStep(AsksForFactor):
    """The second factor, of whoever has given the right password."""

    template_name = "accounts/code.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user = proof.half_way(request)
        if user is None:
            return redirect("accounts:sign-in")
        self.user = user
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        proof.come_in(self.request, self.user)
        response = redirect(self.get_success_url())
        remember_device(self.request, response, limiter.person(self.user.email))
        return response


@method_decorator([sensitive_post_parameters(), never_cache, login_required], name="dispatch")
class Confirm(AsksForFactor):
    """Who has signed in a while ago shows who they are: by second factor, or by password without one."""

    template_name = "accounts/confirm.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.user = cast(User, request.user)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if oidc.is_set_up() and not self.user.has_usable_password() and not second_factor.has(self.user):
            onward = urlencode({self.redirect_field_name: self.get_redirect_url()})
            return redirect(f"{reverse('accounts:oidc')}?{onward}")
        return super().get(request, *args, **kwargs)

    def get_form_class(self) -> Any:
        return super().get_form_class() if second_factor.has(self.user) else PasswordAgainForm

    def form_valid(self, form: Any) -> HttpResponse:
        proof.note(self.request, by_code=not isinstance(form, PasswordAgainForm))
        return redirect(self.get_success_url())


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def own(request: HttpRequest) -> HttpResponse:
    """One's own second factors and recovery codes; who has none is led to set up the first."""
    user = cast(User, request.user)
    if not second_factor.has(user):
        return _set_up(request, user)
    context = {
        "has_app": second_factor.has_app(user),
        "keys": security_keys.keys_of(user),
        "codes_left": second_factor.codes_left(user),
        "is_asked": second_factor.is_asked_of(user),
    }
    return render(request, "accounts/second_factor.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@login_required
def app(request: HttpRequest) -> HttpResponse:
    """The authenticator app, for who has security keys alone."""
    user = cast(User, request.user)
    return redirect("accounts:second-factor") if second_factor.has_app(user) else _set_up(request, user)


def _set_up(request: HttpRequest, user: User) -> HttpResponse:
    """The app is set up with its first code."""
    seed: str = request.session.get(SEED) or second_factor.new_seed()
    request.session[SEED] = seed
    form = SetUpForm(request.POST or None, seed=seed)
    if form.is_valid():
        codes = second_factor.begin(user, seed, form.cleaned_data["code"])
        del request.session[SEED]
        return set_up(request, codes, _t("Your second factor is set up."))
    shown = {"picture": second_factor.picture_of(user, seed), "secret": second_factor.secret_of(seed)}
    more = {"is_asked": second_factor.is_asked_of(user), "is_first": not second_factor.has(user)}
    return render(request, "accounts/second_factor_setup.html", {**shown, **more, "form": form})


def set_up(request: HttpRequest, codes: list[str], words: str) -> HttpResponse:
    """What follows when one more is there: with the first one its recovery codes, shown this once."""
    proof.note(request, by_code=True)
    messages.success(request, words)
    if codes:
        return render(request, "accounts/recovery_codes.html", {"codes": codes})
    return redirect("accounts:second-factor")


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
def end_app(request: HttpRequest) -> HttpResponse:
    """Sign in by security key alone from now on."""
    return one_less(request, lambda: second_factor.end_app(cast(User, request.user)))


def one_less(request: HttpRequest, take_away: Callable[[], None]) -> HttpResponse:
    """Take one second factor away, unless it is the last of whoever needs one."""
    try:
        take_away()
    except StillNeeded:
        messages.error(request, _t("Your role needs a second factor. Add another one before this one goes."))
    else:
        messages.success(request, _t("It is removed, and opens nothing any more."))
    return redirect("accounts:second-factor")


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
