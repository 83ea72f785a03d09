"""What people fill in to invite, to join, and to have a token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.utils.translation import gettext_lazy as _

from cases.roles import Role

if TYPE_CHECKING:
    from portal.accounts.models import User

    # Generic for the type checker only.
    PasswordForm: TypeAlias = SetPasswordForm[User]
else:
    PasswordForm = SetPasswordForm


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
