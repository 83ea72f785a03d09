"""How the cases of a cohort are read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.inputs import StrictInput
from cases.api.parameters import Parameters
from cases.api.preconditions import etag_of, require_match, tagged
from cases.api.serializers import Shape
from cases.api.views.base import ApiView, cohort_or_404, user_of
from cases.lifecycle import Reading, ReadingOrder
from cases.models import Cohort
from cases.models.protocol import MAX_READERS
from cases.models.statement import MAX_REASON
from cases.permissions import Action, roles_with
from cases.reading.protocols import Terms, change_protocol, fields_of, has_begun, terms_of

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User


class ProtocolInput(StrictInput):
    """The terms under which cases are read whose reading has not begun."""

    reading = serializers.ChoiceField(Reading.choices)
    readers_required = serializers.IntegerField(min_value=1, max_value=MAX_READERS)
    reading_order = serializers.ChoiceField(ReadingOrder.choices, default=ReadingOrder.OLDEST)
    adjudicator = serializers.UUIDField(
        default=None, allow_null=True, help_text=_("Id of a reader, who decides where readers differ.")
    )
    reveals_ground_truth = serializers.BooleanField(default=True)
    has_sentinels = serializers.BooleanField(
        default=False,
        help_text=_("Cases of known answer may be mixed in; only where known classes are not shown."),
    )
    reason = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=MAX_REASON,
        help_text=_("Why it changes; needed once cases were read under it."),
    )


class ProtocolSerializer(Shape):
    """One version of a protocol."""

    version = serializers.IntegerField()
    reading = serializers.ChoiceField(Reading.choices)
    readers_required = serializers.IntegerField()
    reading_order = serializers.ChoiceField(ReadingOrder.choices)
    adjudicator = serializers.UUIDField(allow_null=True)
    reveals_ground_truth = serializers.BooleanField()
    has_sentinels = serializers.BooleanField()
    has_begun = serializers.BooleanField(help_text=_("Whether a case was read under it: then it is frozen."))


class ProtocolView(ApiView):
    """How a cohort's next cases are read."""

    @extend_schema(
        operation_id="protocol",
        tags=["cohorts"],
        summary="The newest version of a cohort's protocol",
        parameters=[schema.COHORT_ID, schema.ETAG],
        responses={200: ProtocolSerializer} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """With the ETag that it is changed by."""
        Parameters.of(request)
        return tagged(_protocol_body(cohort_or_404(request, cohort_id, Action.MANAGE)))

    @extend_schema(
        operation_id="change_protocol",
        tags=["cohorts"],
        summary="Give a cohort other terms, for the cases whose reading has not begun",
        description="Once a case was read under the newest version, this makes another and needs a reason.",
        parameters=[schema.COHORT_ID, schema.IF_MATCH, schema.ETAG],
        request=ProtocolInput,
        responses={200: ProtocolSerializer} | schema.problems(400, 401, 403, 404, 412, 413, 415, 428),
        examples=[
            OpenApiExample(
                "Two blinded readers", {"reading": "blinded", "readers_required": 2}, request_only=True
            )
        ],
    )
    def put(self, request: Request, cohort_id: UUID) -> Response:
        """As a whole; what is left out has its default."""
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        with transaction.atomic():
            locked = Cohort.objects.select_for_update().get(pk=cohort.pk)
            require_match(request, etag_of(_protocol_body(locked)))
            given = ProtocolInput(data=request.data)
            given.is_valid(raise_exception=True)
            reason = given.validated_data["reason"]
            terms = _terms(locked, given.validated_data)
            changed = change_protocol(by=user_of(request), cohort=locked, terms=terms, reason=reason)
        return tagged(_protocol_body(changed))


def _protocol_body(cohort: Cohort) -> Any:
    terms = fields_of(terms_of(cohort)) | {"adjudicator": cohort.adjudicator_id}
    told = terms | {"version": cohort.protocol_version, "has_begun": has_begun(cohort)}
    return ProtocolSerializer(told).data


def _terms(cohort: Cohort, given: dict[str, Any]) -> Terms:
    return Terms(
        Reading(given["reading"]),
        given["readers_required"],
        ReadingOrder(given["reading_order"]),
        _adjudicator(cohort, given["adjudicator"]),
        given["reveals_ground_truth"],
        given["has_sentinels"],
    )


def _adjudicator(cohort: Cohort, wanted: UUID | None) -> User | None:
    if wanted is None:
        return None
    readers = cohort.memberships.filter(role__in=roles_with(Action.REVIEW))
    found = get_user_model().objects.filter(pk=wanted, is_active=True, pk__in=readers.values("user")).first()
    if found is None:
        said = _t("The adjudicator has to be a reader of this cohort.")
        raise serializers.ValidationError({"adjudicator": [said]})
    return found


class ProtocolsView(ApiView):
    """The versions that cases were read under."""

    @extend_schema(
        operation_id="protocols",
        tags=["cohorts"],
        summary="Every version of a protocol that cases were read under, newest first",
        parameters=[schema.COHORT_ID],
        responses={200: ProtocolSerializer(many=True)} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """All of them; a study has few."""
        Parameters.of(request)
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        told = [
            fields_of(terms_of(each))
            | {"adjudicator": each.adjudicator_id, "version": each.version, "has_begun": True}
            for each in cohort.protocols.select_related("adjudicator").order_by("-version")
        ]
        return Response(ProtocolSerializer(told, many=True).data)
