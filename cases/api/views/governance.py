"""Drift and candidates of a cohort, to be read: what is frozen, raised, stated and decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.parameters import Parameters
from cases.api.serializers import Shape
from cases.api.views.base import ApiView, cohort_or_404
from cases.governance.acceptance import comparisons_of
from cases.governance.drift import baseline_of
from cases.lifecycle import AcceptanceStandard, DriftRule
from cases.models import AcceptanceBounds, DriftAlert
from cases.permissions import Action

if TYPE_CHECKING:
    from uuid import UUID

NEWEST = 200


class BaselineSerializer(Shape):
    """What weeks are held against."""

    id = serializers.UUIDField()
    model_version = serializers.CharField(source="version.name")
    since = serializers.DateField(help_text="The first day.")
    until = serializers.DateField(help_text="The last day.")
    reason = serializers.CharField()
    frozen_by = serializers.UUIDField(source="frozen_by_id")
    frozen_at = serializers.DateTimeField()


class AlertSerializer(Shape):
    """One rule that one week broke."""

    id = serializers.UUIDField()
    rule = serializers.ChoiceField(DriftRule.choices)
    week = serializers.DateField(help_text="Its Monday.")
    value = serializers.FloatField(help_text="A share, or the population stability index.")
    low = serializers.FloatField()
    high = serializers.FloatField()
    n = serializers.IntegerField()
    raised_at = serializers.DateTimeField()
    acknowledged_at = serializers.DateTimeField(allow_null=True)
    acknowledged_by = serializers.UUIDField(source="acknowledged_by_id", allow_null=True)
    reason = serializers.CharField(help_text="What came of it.", allow_blank=True)


class DriftSerializer(Shape):
    """The baseline that holds, and the newest alerts."""

    baseline = BaselineSerializer(allow_null=True)
    alerts = AlertSerializer(many=True)


class DriftView(ApiView):
    """Drift of a cohort."""

    @extend_schema(
        operation_id="drift",
        tags=["cohorts"],
        summary="The frozen baseline of a cohort, and the newest alerts of drift",
        parameters=[schema.COHORT_ID],
        responses={200: DriftSerializer} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """The newest 200 alerts."""
        Parameters.of(request)
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        alerts = DriftAlert.objects.filter(cohort=cohort).order_by("-week", "rule")[:NEWEST]
        told: dict[str, Any] = {"baseline": baseline_of(cohort), "alerts": alerts}
        return Response(DriftSerializer(told).data)


class DecisionSerializer(Shape):
    """That a candidate was promoted, or refused."""

    promoted = serializers.BooleanField(source="is_promoted")
    reason = serializers.CharField()
    decided_by = serializers.UUIDField(source="decided_by_id")
    decided_at = serializers.DateTimeField()
    figures = serializers.DictField(help_text="What it was decided on.")


class AcceptanceSerializer(Shape):
    """Bounds that were stated for a candidate, and what was decided."""

    id = serializers.UUIDField()
    candidate = serializers.CharField(source="candidate.name")
    against = serializers.CharField(source="against.name", help_text="The network that was in use.")
    snapshot = serializers.UUIDField(source="snapshot_id")
    standard = serializers.ChoiceField(AcceptanceStandard.choices)
    margin = serializers.FloatField(help_text="A fraction.")
    least_recall = serializers.DictField(child=serializers.FloatField(), help_text="By class, as fractions.")
    least_n = serializers.IntegerField()
    reason = serializers.CharField()
    stated_by = serializers.UUIDField(source="stated_by_id")
    stated_at = serializers.DateTimeField()
    decision = serializers.SerializerMethodField()

    @extend_schema_field(DecisionSerializer(allow_null=True))
    def get_decision(self, bounds: AcceptanceBounds) -> Any:
        """Null while there is none."""
        found = getattr(bounds, "decision", None)
        return DecisionSerializer(found).data if found else None


class AcceptancesView(ApiView):
    """Candidates of a cohort."""

    @extend_schema(
        operation_id="acceptances",
        tags=["cohorts"],
        summary="The bounds that were stated for candidates, and what was decided, the newest first",
        parameters=[schema.COHORT_ID],
        responses={200: AcceptanceSerializer(many=True)} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """The newest 200; figures once they are decided on."""
        Parameters.of(request)
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        return Response(AcceptanceSerializer(comparisons_of([cohort])[:NEWEST], many=True).data)
