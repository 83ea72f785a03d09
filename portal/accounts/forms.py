"""What people fill in to sign in and to set a password."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.conf import settings
from django.contrib.auth.forms import (
    AuthenticationForm,
    PasswordChangeForm,
    PasswordResetForm,
    SetPasswordForm,
)
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from portal.accounts import limiter, second_factor, security_keys
from portal.accounts.background import later
from portal.accounts.models import SecurityKey, User
from portal.accounts.refusals import RetryLater, TooManyAttempts

if TYPE_CHECKING:
    # Generic for the type checker only.
    PasswordForm: TypeAlias = SetPasswordForm[User]
else:
    PasswordForm = SetPasswordForm

logger = logging.getLogger(__name__)


class Limited(ValidationError):
    """The error of one attempt too many, with the seconds that the answer tells."""

    def __init__(self, refused: TooManyAttempts) -> None:
        words = ngettext(
            "Too many attempts have failed. Wait %(minutes)d minute, or set a new password by mail.",
            "Too many attempts have failed. Wait %(minutes)d minutes, or set a new password by mail.",
            refused.minutes,
        )
        super().__init__(words, code="limited", params={"minutes": refused.minutes})
        self.seconds = refused.seconds


def seconds_to_wait(form: forms.Form) -> int:
    """What a refused form's Retry-After says; 0 where waiting is of no use."""
    found = (error for errors in form.errors.as_data().values() for error in errors)
    return max((error.seconds for error in found if isinstance(error, Limited)), default=0)


def _counted(request: HttpRequest, door: str, named: str) -> limiter.Attempt:
    try:
        return limiter.attempt(request, door, named)
    except TooManyAttempts as refused:
        raise Limited(refused) from None


class SignInForm(AuthenticationForm):
    """Django's sign-in form, with a limit on failures, for people only."""

    request: HttpRequest
    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "This e-mail address and password do not belong together. Check both and try again."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autofocus": True, "autocomplete": "username", "maxlength": 254}
        )

    def clean(self) -> dict[str, Any]:
        """Count the attempt before the password is looked at; a right one is none."""
        if not {"username", "password"} <= self.cleaned_data.keys():
            return self.cleaned_data
        counted = _counted(self.request, limiter.SIGN_IN, self.cleaned_data["username"])
        try:
            found = super().clean()
        except RetryLater:
            counted.give_back()
            raise
        counted.forget()
        return found

    def confirm_login_allowed(self, user: User) -> None:
        """Refuse an account that the portal's own check (SIGN_IN_CHECK) keeps out."""
        super().confirm_login_allowed(user)
        import_string(settings.SIGN_IN_CHECK)(user)


class ResetForm(PasswordResetForm):
    """Django's form that asks for the reset mail, which speaks the account's language.

    An address that nobody has costs the answer as much as one that somebody has: the mail is made and sent
    beside it.
    """

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request
        self.found: list[User] = []

    def clean_email(self) -> str:
        """The address; each that is asked about is counted, whether somebody has it or not."""
        email: str = self.cleaned_data["email"]
        _counted(self.request, limiter.RESET, email)
        return email

    def save(self, *args: Any, **kwargs: Any) -> None:
        # All that is asked of the database; the thread finds the answer.
        self.found = list(super().get_users(self.cleaned_data["email"]))
        later(partial(_in_language, translation.get_language(), partial(super().save, *args, **kwargs)))

    def get_users(self, email: str) -> Iterable[User]:
        return self.found

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Send it. One that cannot be sent is logged by the kind of error: its words hold the address."""
        user = context["user"]
        with translation.override(user.language or translation.get_language()):
            subject = " ".join(render_to_string(subject_template_name, context).split())
            body = render_to_string(email_template_name, context)
        try:
            send_mail(subject, body, from_email, [to_email])
        except Exception as error:  # noqa: BLE001 - whatever a mail server says, or a disk
            logger.error("The mail of a new password for %s: %s", user.pk, type(error).__name__)  # noqa: TRY400


def _in_language(language: str | None, send: partial[None]) -> None:
    with translation.override(language):
        send()


class ChangeForm(PasswordChangeForm):
    """Django's form for who knows the old password; a limited number of guesses."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def clean_old_password(self) -> str:
        """The old password, counted until it is right."""
        counted = _counted(self.request, limiter.OLD_PASSWORD, str(self.user.pk))
        try:
            password: str = super().clean_old_password()
        except RetryLater:
            counted.give_back()
            raise
        counted.forget()
        return password


class NewPasswordForm(PasswordForm):
    """Django's form for the link in the reset mail; a new password also ends a block, and what else opens the
    account (PASSWORD_RESET_ACT).
    """

    def save(self, commit: bool = True) -> User:
        with transaction.atomic():
            user = super().save(commit)
            import_string(settings.PASSWORD_RESET_ACT)(by=None, user=user)
        limiter.forget_person(user.email)
        return user


class CodeForm(forms.Form):
    """A code of the authenticator app, or a recovery code; a limited number of guesses."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        help_text=_("Six digits of your authenticator app, or one of your recovery codes."),
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "one-time-code", "spellcheck": "false"}
        ),
    )

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user
        if not second_factor.has_app(user):
            self.fields["code"].help_text = _("One of your recovery codes.")

    def clean_code(self) -> str:
        """The code, counted until it is right."""
        code: str = self.cleaned_data["code"]
        counted = _counted(self.request, limiter.CODE, str(self.user.pk))
        if not second_factor.is_right(self.user, code):
            raise ValidationError(_("This code is not right, or was used already. Wait for the next one."))
        counted.forget()
        return code


class KeyAnswerForm(forms.Form):
    """What a security key of one's own has answered, which the page's script fills in."""

    credential = forms.CharField(max_length=10_000, widget=forms.HiddenInput)

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def clean(self) -> dict[str, Any]:
        """The answer, counted until it is right, as codes are."""
        counted = _counted(self.request, limiter.CODE, str(self.user.pk))
        if not security_keys.is_right(self.request, self.user, self.cleaned_data.get("credential", "")):
            raise ValidationError(_("The security key was not recognised. Try again, or type a code."))
        counted.forget()
        return self.cleaned_data


class KeyNameForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the checker only
    """What a security key is called."""

    class Meta:
        model = SecurityKey
        fields = ("name",)


class NewKeyForm(KeyNameForm):
    """A security key to be added: its name, and what it has answered, which the page's script fills in."""

    credential = forms.CharField(max_length=10_000, widget=forms.HiddenInput)


class PasswordAgainForm(forms.Form):
    """The own password once more; a limited number of guesses."""

    password = forms.CharField(
        label=_("Password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autofocus": True, "autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, request: HttpRequest, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.user = request, user

    def clean_password(self) -> str:
        """The password, counted until it is right."""
        password: str = self.cleaned_data["password"]
        counted = _counted(self.request, limiter.OLD_PASSWORD, str(self.user.pk))
        try:
            is_right = self.user.check_password(password)
        except RetryLater:
            counted.give_back()
            raise
        if not is_right:
            raise ValidationError(_("This is not your password."))
        counted.forget()
        return password


class SetUpForm(forms.Form):
    """The first code of an app that has read the seed's secret."""

    code = forms.CharField(
        label=_("Code that the app shows"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )

    def __init__(self, *args: Any, seed: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.seed = seed

    def clean_code(self) -> str:
        """The code, which shows that the app has the secret."""
        code = "".join(self.cleaned_data["code"].split())
        if second_factor.step_of(self.seed, code) is None:
            raise ValidationError(
                _("This code is not right. Look at the clock of your telephone, and type the next code.")
            )
        return code
