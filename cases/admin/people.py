"""People in the Django admin, for the superuser. No password, secret or token is ever shown."""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases import audit
from cases.admin.parts import ReadOnlyAdmin, ReadOnlyInline, who
from cases.models import ApiToken, IncomingUpload, Invitation, KeptAnswer, Membership
from cases.people import invitations, tokens
from cases.people.memberships import add_member, keep_administrators_without
from cases.roles import Role

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from portal.accounts.models import User


class NewUserForm(AdminUserCreationForm):
    """Django's form for a new account, by e-mail address."""

    class Meta:
        model = get_user_model()
        fields = ("email", "full_name")
        field_classes = {"email": forms.EmailField}

    def clean_email(self) -> str:
        """The address as it is stored."""
        return str(self.cleaned_data["email"]).strip().lower()


class ChangedUserForm(UserChangeForm):
    """Django's form for an account, under the rule that no cohort is left without an administrator."""

    def clean_is_active(self) -> bool:
        """Refuse to close the account of a cohort's only study administrator."""
        is_active = bool(self.cleaned_data["is_active"])
        if "is_active" in self.changed_data and not is_active:
            keep_administrators_without(self.instance)
        return is_active


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = readonly_fields = ("cohort", "role", "created_at")
    verbose_name_plural = _("memberships (changed at People, added at Memberships)")


RIGHTS = ("is_active", "is_staff", "is_superuser")


@admin.register(get_user_model())
class UserAdmin(DjangoUserAdmin):
    form = ChangedUserForm
    add_form = NewUserForm
    list_display = ("email", "full_name", "is_active", "is_staff", "is_superuser", "last_login")
    list_filter = ("is_active", "is_staff", "is_superuser", "memberships__role", "memberships__cohort")
    search_fields = ("email", "full_name")
    ordering = ("email",)
    readonly_fields = ("last_login", "date_joined")
    fieldsets = (
        (None, {"fields": ("email", "full_name", "password")}),
        (_("Rights"), {"fields": RIGHTS}),
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
    actions = ("revoke_tokens", "end_second_factors")

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm, change: bool) -> None:
        """Store it; the fields that changed are on record, and of the rights what they became."""
        super().save_model(request, obj, form, change)
        details: dict[str, audit.Detail] = {"fields": ", ".join(form.changed_data)} if change else {}
        details |= {name: getattr(obj, name) for name in RIGHTS if name in form.changed_data}
        action = "user.changed" if change else "user.created"
        audit.record(by=who(request), action=action, subject=obj, cohort=None, **details)
        if not obj.is_active:
            tokens.end_all(by=who(request), user=obj)

    def user_change_password(self, request: HttpRequest, id: str, form_url: str = "") -> HttpResponse:  # noqa: A002
        """Django's page for another password; that it was set is on record."""
        with transaction.atomic():
            before = self.get_object(request, unquote(id))
            response = super().user_change_password(request, id, form_url)
            after = self.get_object(request, unquote(id))
            if before and after and after.password != before.password:
                audit.record(by=who(request), action="user.password_set", subject=after)
                tokens.end_all(by=who(request), user=after)
        return response

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        # What a person did stays with the name; an account is closed by taking "may sign in" away.
        return False

    @admin.action(description=_("Revoke all API tokens"))
    def revoke_tokens(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """End every token of the chosen accounts, one audited act each."""
        done = 0
        with transaction.atomic():
            for user in chosen:
                done += tokens.end_all(by=who(request), user=user)
        self.message_user(request, _t("%(n)d revoked.") % {"n": done}, messages.SUCCESS)

    @admin.action(description=_("End the second factors, of people who have lost theirs"))
    def end_second_factors(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Have the chosen people sign in by password alone, until they set one up anew."""
        end = import_string(settings.SECOND_FACTOR_END)
        done = sum(end(by=who(request), user=user) for user in chosen)
        self.message_user(request, _t("%(n)d ended.") % {"n": done}, messages.SUCCESS)


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    list_display = ("user", "cohort", "role", "created_at")
    list_filter = ("role", "cohort")
    search_fields = ("user__email", "user__full_name", "cohort__name")
    list_select_related = ("user", "cohort")
    autocomplete_fields = ("user", "cohort")

    def save_model(self, request: HttpRequest, obj: Membership, form: forms.ModelForm, change: bool) -> None:
        """Add a member by the service; what is on this page is only ever added."""
        stored = add_member(by=who(request), cohort=obj.cohort, user=obj.user, role=Role(obj.role))
        obj.pk = stored.pk

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        # Roles are changed, and members leave, on the people page.
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return False


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
                invitations.withdraw(by=who(request), invitation=invitation)
                done += 1
            except invitations.InvitationClosed:
                continue
        self.message_user(request, _t("%(n)d withdrawn.") % {"n": done}, messages.SUCCESS)


admin.site.unregister(Group)  # rights are roles in a cohort, as code


@admin.register(ApiToken)
class TokenAdmin(ReadOnlyAdmin):
    list_display = ("beginning", "user", "name", "scopes", "cohort", "created", "expiry", "last_used_at")
    list_display_links = None
    list_filter = ("created", "expiry", "last_used_at", "cohort")
    search_fields = ("user__email", "user__full_name", "name")
    list_select_related = ("user", "cohort")
    fields = list_display
    # A check box would carry the digest, the primary key; tokens are revoked from their users' list.
    actions = None

    @admin.display(description=_("begins with"))
    def beginning(self, token: ApiToken) -> str:
        """What tells it from others."""
        return f"{token.token_key[: tokens.SHOWN]}…"

    def has_view_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        # A page of one token would carry its digest, the primary key, in its address.
        return obj is None and super().has_view_permission(request, obj)


@admin.register(KeptAnswer)
class KeptAnswerAdmin(ReadOnlyAdmin):
    """Without the answers, which are their accounts' own."""

    list_display = ("user", "key", "status", "created_at")
    list_select_related = ("user",)
    fields = ("user", "key", "status", "created_at")


@admin.register(IncomingUpload)
class IncomingUploadAdmin(ReadOnlyAdmin):
    """Without what is said of the files, which is their sender's own."""

    list_display = ("id", "user", "cohort", "folder", "state", "length", "offset", "created_at", "expires_at")
    list_filter = ("state", "cohort")
    list_select_related = ("user", "cohort")
    fields = (*list_display[1:], "files", "files_done", "attempts", "next_at")
