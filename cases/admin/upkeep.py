"""What was deleted, what is to go, and which figures are computed, in the Django admin: to look at."""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from django.contrib import admin

from cases.admin.parts import ReadOnlyAdmin
from cases.models import ComputedFigures, DeletedPicture, Deletion, DeletionRequest, FileRemoval


@admin.register(Deletion)
class DeletionAdmin(ReadOnlyAdmin):
    list_display = ("at", "kind", "cohort", "case", "reason", "by", "confirmed_by")
    list_filter = ("kind", "reason", "cohort")
    search_fields = ("=id", "case__code")
    list_select_related = ("cohort", "case", "by", "confirmed_by")


@admin.register(DeletedPicture)
class DeletedPictureAdmin(ReadOnlyAdmin):
    """Without the digest, by which a file could be held against it."""

    list_display = ("image", "deletion")
    search_fields = ("=image__id", "=deletion__id")
    list_select_related = ("image__case", "deletion")
    fields = list_display


@admin.register(DeletionRequest)
class DeletionRequestAdmin(ReadOnlyAdmin):
    list_display = ("asked_at", "kind", "cohort", "case", "reason", "asked_by", "state", "ends_at")
    list_filter = ("state", "kind", "cohort")
    search_fields = ("=id", "case__code")
    list_select_related = ("cohort", "case", "asked_by")


@admin.register(FileRemoval)
class FileRemovalAdmin(ReadOnlyAdmin):
    list_display = ("name", "created_at")
    search_fields = ("name",)


@admin.register(ComputedFigures)
class ComputedFiguresAdmin(ReadOnlyAdmin):
    """Without the answer: the figures of a blinded study may be closed by now."""

    list_display = ("cohort", "language", "asked_at", "next_at", "as_of", "has_failed")
    list_filter = ("has_failed", "cohort")
    list_select_related = ("cohort",)
    fields = (*list_display, "filters")
