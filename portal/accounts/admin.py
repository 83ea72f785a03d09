"""Accounts in the Django admin, for the superuser. No password, secret or token is ever shown."""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from cases.admin import ReadOnlyAdmin
from cases.models import Membership
from cases.services import audit
from portal.accounts import services, tokens
from portal.accounts.models import Invitation, User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class NewUserForm(AdminUserCreationForm):
    """Django's form for a new account, by e-mail address."""

    class Meta:
        model = User
        fields = ("email", "full_name")
        field_classes = {"email": forms.EmailField}

    def clean_email(self) -> str:
        """The address as it is stored."""
        return str(self.cleaned_data["email"]).strip().lower()


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("cohort",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    add_form = NewUserForm
    list_display = ("email", "full_name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "memberships__role", "memberships__cohort")
    search_fields = ("email", "full_name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "full_name", "password")}),
        (_("Rights"), {"fields": ("is_active", "is_staff", "is_superuser")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "full_name", "usable_password", "password1", "password2"),
            },
        ),
    )
    filter_horizontal = ()
    inlines = (MembershipInline,)
    actions = ("revoke_tokens",)

    @admin.action(description=_("Revoke all API tokens"))
    def revoke_tokens(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """End every token of the chosen accounts, one audited act each."""
        done = 0
        for user in chosen:
            for token in tokens.tokens_of(user):
                token.delete()
                shown = token.token_key[: tokens.SHOWN]
                audit.record(by=_who(request), action="token.revoked", subject=user, token=shown)
                done += 1
        self.message_user(request, _t("%(n)d revoked.") % {"n": done}, messages.SUCCESS)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "cohort", "role", "invited_by", "created_at", "expires_at", "state")
    list_filter = ("cohort", "role")
    search_fields = ("email", "cohort__name")
    list_select_related = ("cohort", "invited_by")
    date_hierarchy = "created_at"
    actions = ("withdraw",)

    @admin.display(description=_("state"))
    def state(self, invitation: Invitation) -> StrOrPromise:
        """Whether the link still works, and why not."""
        if invitation.accepted_at:
            return _("accepted")
        if invitation.withdrawn_at:
            return _("withdrawn")
        return _("open") if invitation.is_open else _("run out")

    @admin.action(description=_("Withdraw the open ones"))
    def withdraw(self, request: HttpRequest, chosen: QuerySet[Invitation]) -> None:
        """Close the links, one audited act each."""
        done = 0
        for invitation in chosen.select_related("cohort"):
            try:
                services.withdraw(by=_who(request), invitation=invitation)
                done += 1
            except services.InvitationClosed:
                continue
        self.message_user(request, _t("%(n)d withdrawn.") % {"n": done}, messages.SUCCESS)


admin.site.site_header = admin.site.site_title = "SecondRead"
admin.site.index_title = _("Administration of the site")
admin.site.unregister(Group)  # rights are roles in a cohort, as code
admin.site.unregister(AuthToken)  # knox's own page shows the digest


@admin.register(AuthToken)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("beginning", "user", "created", "expiry")
    list_display_links = None
    list_filter = ("created", "expiry")
    search_fields = ("user__email", "user__full_name")
    list_select_related = ("user",)
    fields = ("beginning", "user", "created", "expiry")
    # A check box would carry the digest, the primary key; tokens are revoked from their users' list.
    actions = None

    @admin.display(description=_("begins with"))
    def beginning(self, token: AuthToken) -> str:
        """What tells it from others."""
        return f"{token.token_key[: tokens.SHOWN]}…"

    def has_view_permission(self, request: HttpRequest, obj: AuthToken | None = None) -> bool:
        # A page of one token would carry its digest, the primary key, in its address.
        return obj is None and super().has_view_permission(request, obj)


def _who(request: HttpRequest) -> User:
    """The superuser at the admin."""
    return cast("User", request.user)
