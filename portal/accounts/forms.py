"""What people fill in to sign in and to set a password."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from portal.accounts import limiter
from portal.accounts.models import User

if TYPE_CHECKING:
    # Generic for the type checker only.
    PasswordForm: TypeAlias = SetPasswordForm[User]
else:
    PasswordForm = SetPasswordForm


class SignInForm(AuthenticationForm):
    """Django's sign-in form, with a limit on failures, for people only."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": _(
            "This e-mail address and password do not belong together. Check both and try again."
        ),
        "blocked": _(
            "Too many attempts for this address have failed. Wait %(minutes)d minutes, "
            "or set a new password by mail."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autofocus": True, "autocomplete": "username", "maxlength": 254}
        )

    def get_invalid_login_error(self) -> ValidationError:
        """The error of a wrong password, or of one too many."""
        if not getattr(self.request, "axes_locked_out", False):
            return super().get_invalid_login_error()
        minutes = settings.AXES_COOLOFF_TIME // timedelta(minutes=1)
        return ValidationError(self.error_messages["blocked"], code="blocked", params={"minutes": minutes})

    def confirm_login_allowed(self, user: User) -> None:
        """Refuse an account that the portal's own check (SIGN_IN_CHECK) keeps out."""
        super().confirm_login_allowed(user)
        import_string(settings.SIGN_IN_CHECK)(user)


class ResetForm(PasswordResetForm):
    """Django's form that asks for the reset mail, which speaks the account's language."""

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        *args: Any,
        **kwargs: Any,
    ) -> None:
        with translation.override(context["user"].language or translation.get_language()):
            super().send_mail(subject_template_name, email_template_name, context, *args, **kwargs)


class NewPasswordForm(PasswordForm):
    """Django's form for the link in the reset mail; a new password also ends a block."""

    def save(self, commit: bool = True) -> User:
        user = super().save(commit)
        limiter.forget(user.email)
        return user
