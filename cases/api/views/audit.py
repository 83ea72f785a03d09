"""What was done in a cohort."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cases import disclosures
from cases.api import schema
from cases.api.pagination import as_it_is, linked_page
from cases.api.parameters import MomentField, PageParameters
from cases.api.serializers import Shape
from cases.api.views.base import ApiView, cohort_or_404, user_of
from cases.models import AuditEvent
from cases.permissions import Action
from cases.worklist import keyset

if TYPE_CHECKING:
    from uuid import UUID


class AuditSerializer(Shape):
    """Who did what, and when."""

    id = serializers.UUIDField()
    at = serializers.DateTimeField()
    actor = serializers.UUIDField(
        source="actor_id", allow_null=True, help_text=_("Null where the system itself acted.")
    )
    action = serializers.CharField()
    subject_type = serializers.CharField()
    subject = serializers.CharField(help_text=_("An opaque id."))
    details = serializers.DictField()


class AuditPageSerializer(schema.PageSerializer):
    """Some events."""

    results = AuditSerializer(many=True)


class AuditParameters(PageParameters):
    """What the events are narrowed to."""

    since = MomentField(required=False, help_text=_("Events of this moment or later."))
    until = MomentField(required=False, help_text=_("Events before this moment."))
    action = serializers.CharField(required=False, help_text=_("Such as review.submitted."))

    def narrowed(self, rows: Any) -> Any:
        """The rows that the valid parameters keep."""
        given = self.validated_data
        kept = {"since": "at__gte", "until": "at__lt", "action": "action"}
        return rows.filter(**{lookup: given[name] for name, lookup in kept.items() if name in given})


class AuditView(ApiView):
    """What was done in a cohort."""

    @extend_schema(
        operation_id="audit",
        tags=["cohorts"],
        summary="The audit of a cohort, newest first",
        parameters=[schema.COHORT_ID, AuditParameters],
        responses={200: AuditPageSerializer} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """One page; where it tells known classes, that is written down."""
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        parameters = AuditParameters.of(request)
        events = parameters.narrowed(AuditEvent.objects.filter(cohort=cohort))
        newest_first = functools.partial(
            keyset.page_of, events, ("at", "id"), descending=True, dressed=as_it_is
        )
        page = linked_page(newest_first, request, moment="at", **parameters.paging)
        disclosures.record_of_audit(to=user_of(request), events=page.rows)
        rows: Any = AuditSerializer(page.rows, many=True)
        return Response(page.body(rows.data))
