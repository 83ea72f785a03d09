"""What people fill in to sign in, to join, and to invite."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordResetForm, SetPasswordForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from cases.roles import Role
from portal.accounts import limiter, mails
from portal.accounts.models import User

if TYPE_CHECKING:
    # Generic for the type checker only.
    PasswordForm: TypeAlias = SetPasswordForm[User]
else:
    PasswordForm = SetPasswordForm


def is_for_scripts_only(user: User) -> bool:
    """Whether all that the account may do is fetch exports over REST."""
    roles = set(user.memberships.values_list("role", flat=True))
    return roles == {Role.EXPORTER} and not user.is_superuser


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
        "scripts_only": _(
            "This account is for scripts: it fetches exports over REST with a token and has no pages. "
            "Ask the study administrator for a token."
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autofocus": True, "autocomplete": "username", "maxlength": 254}
        )

    def clean(self) -> dict[str, Any]:
        """Check the password, unless too many were wrong lately."""
        email = self.cleaned_data.get("username")
        if email and limiter.is_blocked(email):
            raise ValidationError(
                self.error_messages["blocked"],
                code="blocked",
                params={"minutes": limiter.WINDOW_SECONDS // 60},
            )
        cleaned = super().clean()
        if email and self.get_user() is not None:
            limiter.forget(email)
        return cleaned

    def get_invalid_login_error(self) -> ValidationError:
        """The error of a wrong password, which is counted."""
        limiter.note_failure(self.cleaned_data["username"])
        return super().get_invalid_login_error()

    def confirm_login_allowed(self, user: User) -> None:
        """Refuse an account that may do nothing on the pages."""
        super().confirm_login_allowed(user)
        if is_for_scripts_only(user):
            raise ValidationError(self.error_messages["scripts_only"], code="scripts_only")


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
        with mails.spoken_to(context["user"]):
            super().send_mail(subject_template_name, email_template_name, context, *args, **kwargs)


class NewPasswordForm(PasswordForm):
    """Django's form for the link in the reset mail; a new password also ends a block."""

    def save(self, commit: bool = True) -> User:
        user = super().save(commit)
        limiter.forget(user.email)
        return user


class JoinForm(PasswordForm):
    """Name and password of somebody who follows an invitation and has no account yet."""

    full_name = forms.CharField(
        label=_("Your name"),
        max_length=150,
        help_text=_("Shown beside what you upload and read."),
        widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True}),
    )
    field_order = ["full_name", "new_password1", "new_password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].label = _("Password")
        self.fields["new_password2"].label = _("Password again")

    def clean_full_name(self) -> str:
        """The name, which the password must not resemble."""
        name: str = self.cleaned_data["full_name"]
        self.user.full_name = name
        return name


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(
        label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "off"})
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.RADIOLOGIST)


class RoleForm(forms.Form):
    """What a member shall be from now on."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class TokenForm(forms.Form):
    """How long a new token holds."""

    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("1 year"))],
        initial=90,
    )

    def lifetime(self) -> timedelta:
        """The chosen time."""
        return timedelta(days=self.cleaned_data["days"])
