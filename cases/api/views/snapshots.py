"""Frozen snapshots: asked for, looked at, and fetched a table at a time."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from cases import audit
from cases.api import schema
from cases.api.inputs import StrictInput
from cases.api.once import once
from cases.api.parameters import Parameters, cohort_named
from cases.api.problems import problem
from cases.api.renderers import CsvRenderer, ExportNegotiation, NdjsonRenderer
from cases.api.views.base import ApiView, require_somewhere, user_of
from cases.export.snapshots import fhir, formats, parquet
from cases.export.snapshots.building import ask_for_snapshot
from cases.export.snapshots.fhir_resources import Release
from cases.export.snapshots.reading import deleted_since, rows_for
from cases.export.snapshots.tables import TABLES, codebook
from cases.export.views import bundle_of, file_of
from cases.lifecycle import SnapshotState
from cases.models import Snapshot
from cases.permissions import Action, cohorts_where

NEWEST = 50


class ParquetRenderer(BaseRenderer):
    """Columns, compressed; where pyarrow is installed."""

    media_type = "application/vnd.apache.parquet"
    format = "parquet"


class FhirRenderer(BaseRenderer):
    """FHIR's own JSON."""

    media_type = fhir.MEDIA_TYPE
    format = "fhir"


class SnapshotInput(StrictInput):
    """What is asked for."""

    cohort = serializers.CharField(help_text=_("Name of one cohort."))


class SnapshotSerializer(serializers.Serializer[Snapshot]):
    """One snapshot: what it holds, and how far it is."""

    id = serializers.UUIDField()
    cohort = serializers.CharField(source="cohort.name")
    state = serializers.ChoiceField(SnapshotState.choices)
    asked_at = serializers.DateTimeField(source="created_at")
    as_of = serializers.DateTimeField(allow_null=True, help_text="The moment at which its rows were frozen.")
    filters = serializers.DictField(child=serializers.CharField())
    rows_written = serializers.IntegerField()
    rows_expected = serializers.IntegerField(help_text="About how many there will be.")
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Rows by table.")
    digest = serializers.CharField(allow_blank=True, help_text="SHA-256 over the rows of all tables.")
    tables = serializers.SerializerMethodField(help_text="The address of each table, once it is ready.")

    def get_tables(self, snapshot: Snapshot) -> dict[str, str]:
        """Addresses by table."""
        request = self.context.get("request")
        return {
            table: reverse(
                "api:snapshot-table", kwargs={"snapshot_id": snapshot.pk, "table": table}, request=request
            )
            for table in snapshot.counts
        }


class DeletedSinceSerializer(serializers.Serializer[Any]):
    """A case of a snapshot that was deleted later."""

    case = serializers.CharField()
    deleted_at = serializers.DateTimeField()


class SnapshotDetailSerializer(SnapshotSerializer):
    """One snapshot, with what was deleted since."""

    deleted_since = serializers.SerializerMethodField(
        help_text="Cases that were deleted after it was frozen: their rows stay, and hold no pixel."
    )

    @extend_schema_field(DeletedSinceSerializer(many=True))
    def get_deleted_since(self, snapshot: Snapshot) -> list[dict[str, Any]]:
        """The oldest deletion first."""
        found = [{"case": code, "deleted_at": at} for code, at in deleted_since(snapshot)]
        return [dict(each) for each in DeletedSinceSerializer(found, many=True).data]


class CodebookSerializer(serializers.Serializer[Any]):
    """One column of a table."""

    table = serializers.CharField()
    column = serializers.CharField()
    type = serializers.CharField()
    meaning = serializers.CharField()


class SnapshotsView(ApiView):
    """The newest snapshots of the cohorts that the user may export."""

    @extend_schema(
        operation_id="snapshots",
        tags=["export"],
        summary="My snapshots, newest first",
        responses={200: SnapshotSerializer(many=True)} | schema.problems(400, 401, 403),
    )
    def get(self, request: Request) -> Response:
        """The newest fifty."""
        Parameters.of(request)
        require_somewhere(request, Action.EXPORT)
        rows = _mine(request).select_related("cohort")[:NEWEST]
        return Response(SnapshotSerializer(rows, many=True, context={"request": request}).data)

    @extend_schema(
        operation_id="ask_for_snapshot",
        tags=["export"],
        summary="Freeze what was reviewed",
        description="Answers at once; look at the snapshot until its state is ready.",
        parameters=[schema.KEY_ONCE],
        request=SnapshotInput,
        responses={202: SnapshotSerializer} | schema.problems(400, 401, 403, 409, 413, 415, 422),
    )
    @once()
    def post(self, request: Request) -> Response:
        """Ask for one; one of yours that is being written already is answered instead."""
        require_somewhere(request, Action.EXPORT)
        given = SnapshotInput(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            cohort = cohort_named(request.user, Action.EXPORT, given.validated_data["cohort"])
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"cohort": error.detail}) from None
        snapshot = ask_for_snapshot(by=user_of(request), cohort=cohort)
        return Response(SnapshotSerializer(snapshot, context={"request": request}).data, status=202)


class SnapshotView(ApiView):
    """One snapshot."""

    @extend_schema(
        operation_id="snapshot",
        tags=["export"],
        summary="How far a snapshot is, and where its tables are",
        parameters=[schema.SNAPSHOT_ID],
        responses={200: SnapshotDetailSerializer} | schema.problems(400, 401, 404),
    )
    def get(self, request: Request, snapshot_id: UUID) -> Response:
        """Its state, counts and digest."""
        Parameters.of(request)
        snapshot = _snapshot_or_404(request, snapshot_id)
        return Response(SnapshotDetailSerializer(snapshot, context={"request": request}).data)


class TableParameters(Parameters):
    """The format is read by the negotiation."""

    elsewhere = ("format",)


class SnapshotTableView(ApiView):
    """One table of a snapshot."""

    renderer_classes = (JSONRenderer, CsvRenderer, NdjsonRenderer, ParquetRenderer)
    content_negotiation_class = ExportNegotiation

    @extend_schema(
        operation_id="snapshot_table",
        tags=["export"],
        summary="The frozen rows of one table as JSON, CSV, NDJSON or Parquet",
        parameters=[
            schema.SNAPSHOT_ID,
            OpenApiParameter("table", str, OpenApiParameter.PATH, enum=list(TABLES)),
        ],
        responses={
            (200, "application/json"): OpenApiResponse(
                OpenApiTypes.OBJECT, description="What it is, and rows."
            ),
            (200, "text/csv"): OpenApiResponse(
                OpenApiTypes.STR, description="A header line, then a line a row."
            ),
            (200, "application/x-ndjson"): OpenApiResponse(
                OpenApiTypes.STR, description="One object a line."
            ),
            (200, "application/vnd.apache.parquet"): OpenApiResponse(OpenApiTypes.BINARY),
        }
        | schema.problems(400, 401, 404, 406, 409),
    )
    def get(self, request: Request, snapshot_id: UUID, table: str) -> HttpResponseBase:
        """A stream; any number of times, and always the same rows."""
        TableParameters.of(request)
        snapshot = _snapshot_or_404(request, snapshot_id)
        if table not in TABLES:
            raise Http404(_t("There is no such table; choose %(known)s.") % {"known": ", ".join(TABLES)})
        if snapshot.state != SnapshotState.READY:
            return problem("wrong_state", _t("The snapshot is not ready; look at it until it is."))
        name = str(request.accepted_renderer.format)
        try:
            rows = rows_for(snapshot, table, to=user_of(request))
            pieces = formats.stream(name, snapshot, table, rows)
        except parquet.NotInstalled:
            return problem("not_acceptable", _t("Parquet needs pyarrow, which is not installed here."))
        details = {"table": table, "format": name}
        audit.record(
            by=user_of(request),
            action="snapshot.fetched",
            subject=snapshot,
            cohort=snapshot.cohort,
            **details,
        )
        return file_of(snapshot, table, name, pieces)


class SnapshotBundleView(ApiView):
    """A whole snapshot for systems of a hospital."""

    renderer_classes = (FhirRenderer, JSONRenderer)

    @extend_schema(
        operation_id="snapshot_bundle",
        tags=["export"],
        summary="The frozen rows of all tables as one FHIR Bundle, R4B or R5",
        parameters=[
            schema.SNAPSHOT_ID,
            OpenApiParameter("release", str, OpenApiParameter.PATH, enum=list(Release)),
        ],
        responses={(200, fhir.MEDIA_TYPE): OpenApiResponse(OpenApiTypes.OBJECT, description="A Bundle.")}
        | schema.problems(400, 401, 404, 406, 409),
    )
    def get(self, request: Request, snapshot_id: UUID, release: str) -> HttpResponseBase:
        """A stream; any number of times, and always the same resources."""
        Parameters.of(request)
        snapshot = _snapshot_or_404(request, snapshot_id)
        if release not in list(Release):
            raise Http404(_t("There is no such release; choose %(known)s.") % {"known": ", ".join(Release)})
        if snapshot.state != SnapshotState.READY:
            return problem("wrong_state", _t("The snapshot is not ready; look at it until it is."))
        return bundle_of(snapshot, Release(release), by=user_of(request))


class CodebookView(ApiView):
    """What every column of every table means."""

    @extend_schema(
        operation_id="codebook",
        tags=["export"],
        summary="The codebook of the snapshots' tables",
        responses={200: CodebookSerializer(many=True)} | schema.problems(400, 401),
    )
    def get(self, request: Request) -> Response:
        """Every column with its type and meaning."""
        Parameters.of(request)
        return Response(codebook())


def _mine(request: Request) -> Any:
    return Snapshot.objects.filter(cohort__in=cohorts_where(request.user, Action.EXPORT))


def _snapshot_or_404(request: Request, snapshot_id: UUID) -> Snapshot:
    snapshot: Snapshot | None = _mine(request).select_related("cohort").filter(pk=snapshot_id).first()
    if snapshot is None:
        raise Http404(_t("There is no such snapshot, or you may not export its cohort."))
    return snapshot
