"""Cohorts: my rights in each, its plan, its readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import HttpResponseBase
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from cases.api import schema
from cases.api.inputs import StrictInput
from cases.api.once import once
from cases.api.parameters import Parameters
from cases.api.preconditions import etag_of, require_match, tagged
from cases.api.serializers import CohortSerializer, Shape
from cases.api.views.base import ApiView, cohort_or_404, user_of
from cases.cohorts import cohorts_of
from cases.export.views import readers_named
from cases.models import Cohort
from cases.permissions import Action
from cases.setup.cohorts import Plan, change_plan, create_cohort, plan_of, require_maker
from cases.setup.forms import MOST_CASES, MOST_READERS

if TYPE_CHECKING:
    from uuid import UUID


class PlanInput(StrictInput):
    """What the study sets itself; null where it says nothing."""

    readers = serializers.IntegerField(default=None, allow_null=True, min_value=1, max_value=MOST_READERS)
    cases_a_reader = serializers.IntegerField(
        default=None, allow_null=True, min_value=1, max_value=MOST_CASES
    )
    until = serializers.DateField(default=None, allow_null=True)

    def plan(self) -> Plan:
        """What the valid input says."""
        return Plan(**self.validated_data)


class CohortInput(StrictInput):
    """A new cohort."""

    name = serializers.CharField(max_length=120)
    description = serializers.CharField(default="", allow_blank=True, max_length=2000)
    plan = PlanInput(default=None, allow_null=True)


class PlanSerializer(Shape):
    """A plan."""

    readers = serializers.IntegerField(allow_null=True)
    cases_a_reader = serializers.IntegerField(allow_null=True)
    until = serializers.DateField(allow_null=True)


class CohortDetailSerializer(CohortSerializer):
    """One cohort; the plan is null without the right to manage it."""

    plan = serializers.SerializerMethodField()

    @extend_schema_field(PlanSerializer(allow_null=True))
    def get_plan(self, held: Any) -> Any:
        """For administrators."""
        return PlanSerializer(plan_of(held.cohort)).data if Action.MANAGE in held.actions else None


class ReaderSerializer(Shape):
    """Who is behind a reader's id."""

    reader = serializers.UUIDField()
    name = serializers.CharField()
    email = serializers.CharField()


class CohortsView(ApiView):
    """The cohorts of the user."""

    @extend_schema(
        operation_id="cohorts",
        tags=["cohorts"],
        summary="My cohorts and my rights in them",
        responses={200: CohortSerializer(many=True)} | schema.problems(400, 401),
    )
    def get(self, request: Request) -> Response:
        """All of them; a person has few."""
        Parameters.of(request)
        return Response(CohortSerializer(cohorts_of(request.user), many=True).data)

    @extend_schema(
        operation_id="create_cohort",
        tags=["cohorts"],
        summary="Make a cohort, which its maker administers",
        parameters=[schema.KEY_ONCE],
        request=CohortInput,
        responses={201: CohortDetailSerializer} | schema.problems(400, 401, 403, 409, 413, 415, 422),
        examples=[
            OpenApiExample(
                "With a plan",
                {"name": "North", "plan": {"readers": 6, "cases_a_reader": 200, "until": "2099-12-31"}},
                request_only=True,
            )
        ],
    )
    @once()
    def post(self, request: Request) -> HttpResponseBase:
        """For who administers a cohort already."""
        require_maker(user_of(request))
        given = CohortInput(data=request.data)
        given.is_valid(raise_exception=True)
        plan = given.validated_data["plan"]
        cohort = create_cohort(
            by=user_of(request),
            name=given.validated_data["name"],
            description=given.validated_data["description"],
            plan=Plan(**plan) if plan else None,
        )
        where = reverse("api:cohort", kwargs={"cohort_id": cohort.pk}, request=request)
        return Response(_cohort_body(request, cohort), status=201, headers={"Location": where})


def _cohort_body(request: Request, cohort: Cohort) -> Any:
    (held,) = (each for each in cohorts_of(request.user) if each.cohort.pk == cohort.pk)
    return CohortDetailSerializer(held).data


class CohortView(ApiView):
    """One cohort."""

    @extend_schema(
        operation_id="cohort",
        tags=["cohorts"],
        summary="One cohort, my rights in it, and for administrators its plan",
        parameters=[schema.COHORT_ID],
        responses={200: CohortDetailSerializer} | schema.problems(400, 401, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """For whoever is in it."""
        Parameters.of(request)
        return Response(_cohort_body(request, cohort_or_404(request, cohort_id)))


class PlanView(ApiView):
    """What a study sets itself."""

    @extend_schema(
        operation_id="plan",
        tags=["cohorts"],
        summary="The plan of a cohort",
        parameters=[schema.COHORT_ID, schema.ETAG],
        responses={200: PlanSerializer} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """With the ETag that another one is settled by."""
        Parameters.of(request)
        return tagged(_plan_body(cohort_or_404(request, cohort_id, Action.MANAGE)))

    @extend_schema(
        operation_id="settle_plan",
        tags=["cohorts"],
        summary="Settle another plan",
        parameters=[schema.COHORT_ID, schema.IF_MATCH, schema.ETAG],
        request=PlanInput,
        responses={200: PlanSerializer} | schema.problems(400, 401, 403, 404, 412, 413, 415, 428),
    )
    def put(self, request: Request, cohort_id: UUID) -> Response:
        """As a whole; what is left out is not planned."""
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        with transaction.atomic():
            locked = Cohort.objects.select_for_update().get(pk=cohort.pk)
            require_match(request, etag_of(_plan_body(locked)))
            given = PlanInput(data=request.data)
            given.is_valid(raise_exception=True)
            changed = change_plan(by=user_of(request), cohort=locked, plan=given.plan())
        return tagged(_plan_body(changed))


def _plan_body(cohort: Cohort) -> Any:
    return PlanSerializer(plan_of(cohort)).data


class ReadersView(ApiView):
    """Who reads."""

    @extend_schema(
        operation_id="readers",
        tags=["cohorts"],
        summary="Who is behind each reader's id",
        description="For study administrators alone; that it was told is audited.",
        parameters=[schema.COHORT_ID],
        responses={200: ReaderSerializer(many=True)} | schema.problems(400, 401, 403, 404),
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """By name."""
        Parameters.of(request)
        cohort = cohort_or_404(request, cohort_id, Action.MANAGE)
        people = readers_named(by=user_of(request), cohort=cohort)
        told = [{"reader": key, "name": name, "email": email} for key, name, email in people]
        return Response(ReaderSerializer(told, many=True).data)
