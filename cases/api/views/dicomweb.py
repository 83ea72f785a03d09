"""DICOMweb: taking instances in (STOW-RS, PS3.18, 10.5), and saying what is there (QIDO-RS, 10.6)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any
from uuid import UUID

from django.http import Http404
from django.urls import reverse
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _t
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.views.base import ApiView, user_of
from cases.cohorts import cohorts_of
from cases.exchange import qido
from cases.exchange.related import Malformed, RelatedParts
from cases.exchange.stow import answer_to
from cases.intake.uploads import submit_series
from cases.models import Cohort
from cases.permissions import Action, require
from inference.formats.dicom.identifiers import HEAD_BYTES, identifiers_of

if TYPE_CHECKING:
    from portal.accounts.models import User

_INSTANCES = "application/dicom"
# RFC 2046, 5.1.1 has 70; Orthanc makes one of two UUIDs.
_LONGEST_BOUNDARY = 128


class DicomJsonRenderer(JSONRenderer):
    """DICOM's own JSON (PS3.18, annex F)."""

    media_type = "application/dicom+json"
    format = "dicom+json"


class RelatedParser(BaseParser):
    """The instances of a multipart/related body."""

    media_type = "multipart/related"

    def parse(  # type: ignore[override]  # what it gives is the view's own affair
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any | None = None
    ) -> RelatedParts:
        _type, parameters = parse_header_parameters(media_type or "")
        if parameters.get("type", _INSTANCES).lower() != _INSTANCES:
            raise UnsupportedMediaType(parameters["type"])
        boundary = parameters.get("boundary", "")
        try:
            return RelatedParts(stream, _checked(boundary))
        except Malformed:
            raise ParseError(
                _t("The body is no multipart/related with the boundary that its header names.")
            ) from None


def _checked(boundary: str) -> bytes:
    """The boundary as it stands in the body."""
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii():
        raise Malformed
    return boundary.encode("ascii")


class StudiesView(ApiView):
    """The studies of one cohort: searched, and added to by instances, as by every other door."""

    parser_classes = (RelatedParser,)
    renderer_classes = (DicomJsonRenderer,)

    @extend_schema(
        operation_id="store_instances",
        tags=["cases"],
        summary="Store DICOM instances (STOW-RS)",
        description=schema.STOW_DESCRIPTION,
        request={"multipart/related": OpenApiTypes.BINARY},
        responses={
            (status, DicomJsonRenderer.media_type): OpenApiResponse(OpenApiTypes.OBJECT, description=words)
            for status, words in schema.STOW_STATUS.items()
        }
        | schema.problems(400, 401, 403, 404, 413, 415),
    )
    def post(self, request: Request, cohort_id: UUID) -> Response:
        """Take the instances in; the answer names each of them."""
        cohort = cohort_or_404(request, cohort_id)
        require(user_of(request), Action.UPLOAD, cohort)
        with closing(_parts(request)) as parts:
            receipts = submit_series(
                by=user_of(request), cohort=cohort, files=parts.files(), is_one_case=False
            )
            uids = [identifiers_of(parts.head_of(index, HEAD_BYTES)) for index in range(len(parts))]
        status, body = answer_to(zip(uids, receipts, strict=True))
        return Response(body, status=status)

    @extend_schema(
        operation_id="search_studies", tags=["cases"], summary="Search studies (QIDO-RS)", **schema.QIDO
    )
    def get(self, request: Request, cohort_id: UUID) -> Response:
        """The studies that the user may see."""
        return _found(request, cohort_id, qido.studies)


class SeriesOfStudyView(ApiView):
    """The series of a study."""

    renderer_classes = (DicomJsonRenderer,)

    @extend_schema(
        operation_id="search_series", tags=["cases"], summary="Search series (QIDO-RS)", **schema.QIDO
    )
    def get(self, request: Request, cohort_id: UUID, study: str) -> Response:
        """The series that the user may see."""
        return _found(request, cohort_id, qido.series, study_key=qido.key_of(study))


class InstancesOfSeriesView(ApiView):
    """The instances of a series."""

    renderer_classes = (DicomJsonRenderer,)

    @extend_schema(
        operation_id="search_instances", tags=["cases"], summary="Search instances (QIDO-RS)", **schema.QIDO
    )
    def get(self, request: Request, cohort_id: UUID, study: str, series: str) -> Response:
        """The instances that the user may see."""
        keys = {"study_key": qido.key_of(study), "series_key": qido.key_of(series)}
        return _found(request, cohort_id, qido.instances, **keys)


def _found(
    request: Request,
    cohort_id: UUID,
    search: Callable[[User, Cohort, qido.Query], list[dict[str, Any]]],
    **within: str,
) -> Response:
    """The answer of a search in the cohort, `within` a study or series."""
    cohort = cohort_or_404(request, cohort_id)
    require(user_of(request), Action.VIEW, cohort)
    try:
        query = qido.query_of(request.query_params.dict())
    except qido.UnknownQuery as error:
        raise ParseError(str(error)) from None
    narrowed = replace(query, filters=query.filters | within)
    found = search(user_of(request), cohort, narrowed)
    root = request.build_absolute_uri(reverse("api:dicomweb-studies", args=[cohort.pk]))
    return Response([item | _retrieved_from(root, item) for item in found])


def _retrieved_from(root: str, item: dict[str, Any]) -> dict[str, Any]:
    """The address that what was found is retrieved from."""
    levels = {"studies": "0020000D", "series": "0020000E", "instances": "00080018"}
    uids = [f"{level}/{item[tag]['Value'][0]}" for level, tag in levels.items() if tag in item]
    return {"00081190": {"vr": "UR", "Value": ["/".join([root.removesuffix("/studies"), *uids])]}}


def _parts(request: Request) -> RelatedParts:
    """The body's parts; of a request with no body at all REST framework makes a plain dict."""
    if _is_chunked(request):
        content_type = request.META.get("CONTENT_TYPE", "")
        if parse_header_parameters(content_type)[0] != RelatedParser.media_type:
            raise UnsupportedMediaType(content_type)
        return RelatedParser().parse(request.META["wsgi.input"], content_type)
    data: Any = request.data
    if not isinstance(data, RelatedParts):
        raise ParseError(_t("The body is no multipart/related with the boundary that its header names."))
    return data


def _is_chunked(request: Request) -> bool:
    """Whether the body came in chunks, as Orthanc sends it, and the server's stream ends where it does: its
    head has no length, which Django takes for no body.
    """
    meta = request.META
    is_chunked = meta.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
    return is_chunked and not meta.get("CONTENT_LENGTH") and bool(meta.get("wsgi.input_terminated"))


def cohort_or_404(request: Request, cohort_id: UUID) -> Cohort:
    """The cohort of this id; Http404 where there is none, or the user is not in it."""
    for entry in cohorts_of(request.user):
        if entry.cohort.pk == cohort_id:
            return entry.cohort
    raise Http404(_t("There is no such cohort, or you are not in it."))
