"""What readers leave behind, and how they are to read, in the Django admin: to look at, never to change."""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from django.contrib import admin

from cases.admin.parts import ReadOnlyAdmin
from cases.models import (
    Adjudication,
    Assignment,
    Claim,
    Disclosure,
    Draft,
    FirstRead,
    Protocol,
    SavedView,
    TeachingRead,
)


@admin.register(Protocol)
class ProtocolAdmin(ReadOnlyAdmin):
    list_display = ("cohort", "version", "reading", "readers_required", "reading_order", "created_at")
    list_filter = ("cohort",)
    list_select_related = ("cohort",)


@admin.register(FirstRead)
class FirstReadAdmin(ReadOnlyAdmin):
    list_display = ("case", "reader", "read_class", "confidence", "created_at")
    list_filter = ("case__cohort",)
    list_select_related = ("case", "reader")
    search_fields = ("case__code",)


@admin.register(Adjudication)
class AdjudicationAdmin(ReadOnlyAdmin):
    list_display = ("case", "adjudicator", "final_class", "confidence", "created_at")
    list_filter = ("case__cohort",)
    list_select_related = ("case", "adjudicator")
    search_fields = ("case__code",)


@admin.register(Disclosure)
class DisclosureAdmin(ReadOnlyAdmin):
    list_display = ("case", "user", "kind", "shown_at")
    list_filter = ("kind", "case__cohort")
    list_select_related = ("case", "user")
    search_fields = ("case__code",)


@admin.register(Draft)
class DraftAdmin(ReadOnlyAdmin):
    list_display = ("case", "reader", "state", "updated_at")
    list_filter = ("state", "case__cohort")
    list_select_related = ("case", "reader")


@admin.register(Claim)
class ClaimAdmin(ReadOnlyAdmin):
    list_display = ("case", "reader", "expires_at")
    list_filter = ("case__cohort",)
    list_select_related = ("case", "reader")


@admin.register(Assignment)
class AssignmentAdmin(ReadOnlyAdmin):
    list_display = ("case", "reader", "assigned_by", "created_at")
    list_filter = ("case__cohort",)
    list_select_related = ("case", "reader", "assigned_by")


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ("user", "name", "created_at")
    list_select_related = ("user",)


@admin.register(TeachingRead)
class TeachingReadAdmin(ReadOnlyAdmin):
    list_display = ("case", "reader", "read_class", "created_at")
    list_filter = ("case__cohort",)
    list_select_related = ("case", "reader")
