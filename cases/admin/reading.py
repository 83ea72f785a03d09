"""What readers leave behind, and how they are to read, in the Django admin: to look at, never to change."""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from cases.admin.parts import DisclosingAdmin, ReadOnlyAdmin
from cases.lifecycle import Shown
from cases.models import (
    Adjudication,
    Assignment,
    Claim,
    Disclosure,
    Draft,
    FirstRead,
    Protocol,
    SavedView,
    Sending,
    SendingRule,
    Snapshot,
    TeachingRead,
    Webhook,
    WebhookDelivery,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from portal.accounts.models import User


@admin.register(Protocol)
class ProtocolAdmin(ReadOnlyAdmin):
    list_display = ("cohort", "version", "reading", "readers_required", "reading_order", "created_at")
    list_filter = ("cohort",)
    list_select_related = ("cohort",)


class StatementAdmin(DisclosingAdmin):
    """Of what somebody says of a case."""

    said_by = "reader_id"

    def told(
        self, row: FirstRead | Adjudication | Draft | TeachingRead, to: User
    ) -> Iterator[tuple[UUID, Shown]]:
        """What somebody else says."""
        if getattr(row, self.said_by) != to.pk:
            yield row.case_id, Shown.PEERS


@admin.register(FirstRead)
class FirstReadAdmin(StatementAdmin):
    list_display = ("case", "reader", "read_class", "confidence", "created_at")
    list_filter = ("case__cohort",)
    list_select_related = ("case", "reader")
    search_fields = ("case__code",)


@admin.register(Adjudication)
class AdjudicationAdmin(StatementAdmin):
    said_by = "adjudicator_id"
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
class DraftAdmin(StatementAdmin):
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


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    list_display = ("id", "cohort", "state", "as_of", "created_by", "digest")
    list_filter = ("state", "cohort")
    list_select_related = ("cohort", "created_by")
    search_fields = ("id", "digest")


@admin.register(Sending)
class SendingAdmin(ReadOnlyAdmin):
    list_display = ("case", "destination", "state", "attempts", "created_at", "ended_at")
    list_filter = ("state", "destination", "cohort")
    list_select_related = ("case",)
    search_fields = ("case__code",)


@admin.register(SendingRule)
class SendingRuleAdmin(ReadOnlyAdmin):
    list_display = ("cohort", "destination", "moment", "since")
    list_select_related = ("cohort",)


@admin.register(SavedView)
class SavedViewAdmin(ReadOnlyAdmin):
    list_display = ("user", "name", "created_at")
    list_select_related = ("user",)


@admin.register(TeachingRead)
class TeachingReadAdmin(StatementAdmin):
    list_display = ("case", "reader", "read_class", "created_at")
    list_filter = ("case__cohort",)
    list_select_related = ("case", "reader")


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ("url", "cohort", "paused_at", "failing_since", "created_by", "created_at")
    list_filter = ("cohort",)
    list_select_related = ("cohort", "created_by")


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = ("event", "webhook", "state", "attempts", "answer_status", "failure", "created_at")
    list_filter = ("state", "event", "webhook__cohort")
    list_select_related = ("webhook",)
