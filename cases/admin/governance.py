"""Drift, and what was decided of candidates, in the Django admin: to look at."""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin

from cases.admin.parts import DisclosingAdmin, ReadOnlyAdmin
from cases.lifecycle import Shown
from cases.models import (
    AcceptanceBounds,
    DriftAlert,
    DriftBaseline,
    ModelDecision,
    SentinelAnswer,
    SentinelCheck,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from portal.accounts.models import User


@admin.register(DriftBaseline)
class DriftBaselineAdmin(ReadOnlyAdmin):
    list_display = ("cohort", "version", "since", "until", "frozen_by", "frozen_at")
    list_filter = ("cohort",)
    list_select_related = ("cohort", "version", "frozen_by")


@admin.register(DriftAlert)
class DriftAlertAdmin(ReadOnlyAdmin):
    list_display = ("cohort", "rule", "week", "value", "n", "raised_at", "acknowledged_by", "acknowledged_at")
    list_filter = ("rule", "cohort")
    list_select_related = ("cohort", "acknowledged_by")


@admin.register(SentinelCheck)
class SentinelCheckAdmin(ReadOnlyAdmin):
    list_display = ("cohort", "version", "started_at", "finished_at")
    list_filter = ("cohort",)
    list_select_related = ("cohort", "version")


@admin.register(SentinelAnswer)
class SentinelAnswerAdmin(DisclosingAdmin):
    list_display = ("image", "check_run", "predicted_class", "gate_verdict", "attempts")
    list_select_related = ("image", "check_run__cohort", "check_run__version")

    def told(self, row: SentinelAnswer, to: User) -> Iterator[tuple[UUID, Shown]]:
        """What the network says, once it was asked."""
        if row.predicted_class:
            yield row.image.case_id, Shown.NETWORK


@admin.register(AcceptanceBounds)
class AcceptanceBoundsAdmin(ReadOnlyAdmin):
    list_display = (
        "cohort",
        "candidate",
        "against",
        "standard",
        "margin",
        "least_n",
        "stated_by",
        "stated_at",
    )
    list_filter = ("cohort",)
    list_select_related = ("cohort", "candidate", "against", "stated_by")


@admin.register(ModelDecision)
class ModelDecisionAdmin(ReadOnlyAdmin):
    list_display = ("bounds", "is_promoted", "decided_by", "decided_at")
    list_select_related = ("bounds__candidate", "bounds__cohort", "decided_by")
