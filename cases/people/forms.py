"""What people fill in to invite, to join, and to have a token."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from django import forms
from django.contrib.auth.forms import SetPasswordForm
from django.utils.translation import gettext_lazy as _

from cases.models import Cohort
from cases.models.api_token import MAX_NAME
from cases.people import tokens
from cases.roles import Role
from cases.scopes import Scope

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
    """What a new token of `owner` is called, what it is for, and how long it holds."""

    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME,
        help_text=_("What will use it, such as “Scanner 2” or “Nightly export”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.TypedMultipleChoiceField(
        label=_("May be used to"), coerce=Scope, widget=forms.CheckboxSelectMultiple
    )
    cohort = forms.ModelChoiceField(
        Cohort.objects.none(),
        label=_("Cohort"),
        required=False,
        empty_label=_("All cohorts of the account"),
    )
    days = forms.TypedChoiceField(
        label=_("Valid for"),
        coerce=int,
        choices=[(30, _("30 days")), (90, _("90 days")), (365, _("1 year"))],
        initial=90,
    )

    def __init__(self, *args: Any, owner: User, is_own: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.owner = owner
        scopes = cast(forms.TypedMultipleChoiceField, self.fields["scopes"])
        scopes.choices = [(scope.value, scope.label) for scope in tokens.scopes_for(owner)]
        cohort = cast("forms.ModelChoiceField[Cohort]", self.fields["cohort"])
        cohort.queryset = tokens.cohorts_for(owner)
        if not is_own:
            cohort.required, cohort.empty_label = True, _("Choose one")

    def clean_name(self) -> str:
        """A name that no other token of the owner has."""
        name: str = self.cleaned_data["name"]
        if tokens.tokens_of(self.owner).filter(name=name).exists():
            raise forms.ValidationError(_("There is a token of this name already. Choose another name."))
        return name

    def terms(self) -> tokens.Terms:
        """What was chosen."""
        given = self.cleaned_data
        lifetime = timedelta(days=given["days"])
        return tokens.Terms(given["name"], given["scopes"], lifetime, given["cohort"])
