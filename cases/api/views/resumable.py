"""Uploads in pieces, by tus 1.0, and what would become of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema, tus
from cases.api.inputs import StrictInput
from cases.api.serializers import ReceiptSerializer, receipt_bodies
from cases.api.views.base import ApiView, user_of
from cases.cohorts import cohort_named
from cases.intake.incoming import proposals, receiving
from cases.intake.incoming.said import NotUnderstood, said
from cases.intake.incoming.working import wake_on_commit
from cases.lifecycle import IncomingState
from cases.models import IncomingUpload
from cases.request_context import looks_at

if TYPE_CHECKING:
    from uuid import UUID

_TUS = OpenApiParameter("Tus-Resumable", str, OpenApiParameter.HEADER, required=True, enum=[tus.VERSION])
_MOST_LEFT_OUT = 5000


def _header(name: str, kind: type, description: str, *, required: bool = True) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.HEADER, required=required, description=description)


class ProposalSerializer(serializers.Serializer[Any]):
    """A case that would be made."""

    key = serializers.CharField(help_text=_("By which it can be left out."))
    title = serializers.CharField()
    images = serializers.IntegerField()
    files = serializers.ListField(child=serializers.CharField())
    remarks = serializers.ListField(child=serializers.CharField())
    quarantined = serializers.BooleanField(
        source="is_suspect", help_text=_("Whether an administrator has to look at it first.")
    )


class OtherFileSerializer(serializers.Serializer[Any]):
    """A file that becomes part of no case."""

    name = serializers.CharField()
    outcome = serializers.CharField()
    message = serializers.CharField()
    case = serializers.CharField(help_text=_("Of a duplicate; empty otherwise."))


class ResumableUploadSerializer(serializers.Serializer[Any]):
    """How far an upload is; what would become of it, once it is proposed; what did, once it is done."""

    id = serializers.UUIDField()
    state = serializers.ChoiceField(IncomingState.choices)
    length = serializers.IntegerField()
    offset = serializers.IntegerField()
    expires_at = serializers.DateTimeField()
    files = serializers.IntegerField(help_text=_("How many there are, once that is known."))
    files_done = serializers.IntegerField(help_text=_("How many of them were read."))
    cases = ProposalSerializer(many=True)
    others = OtherFileSerializer(many=True)
    receipts = ReceiptSerializer(many=True)
    failure = serializers.CharField(help_text=_("Why it failed; empty otherwise."))


class CreateInput(StrictInput):
    """Which of the proposed cases are not made."""

    leave_out = serializers.ListField(
        child=serializers.CharField(max_length=64), default=list, max_length=_MOST_LEFT_OUT
    )


class TusView(ApiView):
    """Answers as tus asks: its version on each answer, and no other version spoken."""

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        answer["Tus-Resumable"] = tus.VERSION
        if answer.status_code == tus.OtherVersion.status_code:
            answer["Tus-Version"] = tus.VERSION
        return answer


class ResumableUploadsView(TusView):
    """Where uploads begin."""

    http_method_names = ["post", "options"]

    @extend_schema(exclude=True)
    def options(self, request: Request) -> HttpResponseBase:  # type: ignore[override]  # takes no more
        """Answer what tus asks of a server."""
        return HttpResponse(status=204, headers=tus.abilities())

    @extend_schema(
        operation_id="begin_resumable_upload",
        tags=["cases"],
        summary="Begin an upload in pieces",
        description=schema.RESUMABLE_DESCRIPTION,
        parameters=[
            _TUS,
            _header("Upload-Length", int, "Bytes in all."),
            _header("Upload-Metadata", str, "Names and base64 of their values; “cohort” is one of them."),
        ],
        request=None,
        responses={201: OpenApiResponse(description="Send the pieces to the address in Location.")}
        | schema.problems(400, 401, 403, 404, 412, 413, 507),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Make room for an upload; Location is where its pieces go."""
        tus.check_version(request)
        by = user_of(request)
        try:
            words = said(request.headers.get("Upload-Metadata", ""))
        except NotUnderstood as reason:
            raise ValidationError({"Upload-Metadata": [str(reason)]}) from None
        cohort = cohort_named(by, words.cohort)
        if cohort is None:
            raise Http404(_t("There is no such cohort, or you are not in it."))
        length = tus.number_in(request, "Upload-Length")
        with transaction.atomic():
            upload = receiving.begin(by=by, cohort=cohort, length=length, words=words)
            wake_on_commit(upload)
        where = reverse("api:resumable-upload", args=[upload.pk])
        return HttpResponse(status=201, headers=tus.headers_of(upload) | {"Location": where})


class ResumableUploadView(TusView):
    """One upload: its pieces, and how far it is."""

    http_method_names = ["get", "head", "patch", "delete"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        tus.use_overriding_method(request)
        return super().dispatch(request, *args, **kwargs)

    @extend_schema(
        operation_id="resumable_upload",
        tags=["cases"],
        summary="How far an upload in pieces is",
        description="HEAD is tus' own: Upload-Offset says where to go on.",
        responses={200: ResumableUploadSerializer} | schema.problems(401, 404),
    )
    def get(self, request: Request, upload_id: UUID) -> HttpResponseBase:
        """How far it is, what would become of it, and what did."""
        upload = _upload_or_404(request, upload_id)
        body = ResumableUploadSerializer(_told(upload, request)).data
        return Response(body, headers={"Cache-Control": "no-store"})

    @extend_schema(exclude=True)
    def head(self, request: Request, upload_id: UUID) -> HttpResponseBase:
        """Where to go on."""
        upload = _upload_or_404(request, upload_id)
        tus.check_version(request)
        headers = tus.headers_of(upload) | {
            "Upload-Length": str(upload.length),
            "Upload-Metadata": receiving.said_of(upload).metadata,
            "Cache-Control": "no-store",
        }
        return HttpResponse(headers=headers)

    @extend_schema(
        operation_id="send_piece",
        tags=["cases"],
        summary="Send a piece",
        parameters=[
            _TUS,
            _header("Upload-Offset", int, "Where the piece begins."),
            _header("Upload-Checksum", str, "sha256 or sha1, and base64 of its digest.", required=False),
        ],
        request={tus.MEDIA_TYPE: OpenApiTypes.BINARY},
        responses={204: OpenApiResponse(description="Upload-Offset says where the next piece begins.")}
        | schema.problems(400, 401, 403, 404, 409, 412, 413, 415, 460, 507),
    )
    def patch(self, request: Request, upload_id: UUID) -> HttpResponseBase:
        """Keep a piece; after the last one the upload is looked at."""
        upload = _upload_or_404(request, upload_id)
        tus.check_version(request)
        offset, digests = tus.number_in(request, "Upload-Offset"), tus.digests_in(request)
        data = tus.body_of(request)
        receiving.append(by=user_of(request), upload=upload, offset=offset, data=data, digests=digests)
        wake_on_commit(upload)
        return HttpResponse(status=204, headers=tus.headers_of(upload))

    @extend_schema(
        operation_id="throw_away_resumable_upload",
        tags=["cases"],
        summary="Throw an upload away",
        parameters=[_TUS],
        responses={204: OpenApiResponse(description="Nothing is left of it.")}
        | schema.problems(401, 404, 409, 412),
    )
    def delete(self, request: Request, upload_id: UUID) -> HttpResponseBase:
        """Throw away what has arrived; cases that were made of it stay."""
        upload = _upload_or_404(request, upload_id)
        tus.check_version(request)
        receiving.discard(by=user_of(request), upload=upload)
        return HttpResponse(status=204)


class ResumableCreateView(ApiView):
    """The word that makes the proposed cases."""

    @extend_schema(
        operation_id="create_proposed_cases",
        tags=["cases"],
        summary="Make the proposed cases",
        request=CreateInput,
        responses={202: ResumableUploadSerializer} | schema.problems(400, 401, 403, 404, 409, 415),
    )
    def post(self, request: Request, upload_id: UUID) -> HttpResponseBase:
        """Have the cases made, but for those that are left out."""
        upload = _upload_or_404(request, upload_id)
        given = CreateInput(data=request.data)
        given.is_valid(raise_exception=True)
        left_out = given.validated_data["leave_out"]
        if unknown := sorted(set(left_out) - {each.key for each in proposals.preview_told(upload).cases}):
            raise ValidationError({"leave_out": [_t("No case is proposed by the key %s.") % unknown[0]]})
        receiving.confirm(by=user_of(request), upload=upload, left_out=left_out)
        wake_on_commit(upload)
        return Response(ResumableUploadSerializer(_told(upload, request)).data, status=202)


def _upload_or_404(request: Request, upload_id: UUID) -> IncomingUpload:
    upload = receiving.uploads_of(user_of(request)).filter(pk=upload_id).first()
    if upload is None:
        raise Http404(_t("There is no such upload of yours, or it was kept for long enough."))
    looks_at(upload.cohort_id)
    return upload


def _told(upload: IncomingUpload, request: Request) -> dict[str, Any]:
    told = proposals.preview_told(upload)
    receipts = [receipt for _name, receipt in proposals.receipts_told(upload)]
    names = ("id", "state", "length", "offset", "expires_at", "files", "files_done")
    return {name: getattr(upload, name) for name in names} | {
        "cases": told.cases,
        "others": told.others,
        "receipts": receipt_bodies(receipts, list(range(len(receipts))), {"request": request}),
        "failure": proposals.failure_told(upload),
    }
