"""DICOMweb: handing instances out (WADO-RS, PS3.18, 10.4), to who may see them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import parse_header_parameters
from django.utils.translation import gettext as _t
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotAcceptable
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.problems import StoredFileUnreadable
from cases.api.rendering import RenderedParameters
from cases.api.views.base import ApiView, user_of
from cases.api.views.dicomweb import DicomJsonRenderer, cohort_or_404
from cases.exchange import qido
from cases.permissions import Action, require
from cases.viewer.images import drawings_at_once
from inference.errors import InferenceError

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from cases.models import Image

_INSTANCE, _FRAME = "application/dicom", "application/octet-stream"
_RELATED = "multipart/related"
# What we write: explicit VR, little endian.
_SYNTAXES = ("", "*", "1.2.840.10008.1.2.1")


class RelatedRenderer(BaseRenderer):
    """Parts of a multipart/related body; the view streams them itself."""

    media_type = _RELATED
    format = "related"


class JpegRenderer(BaseRenderer):
    """A picture; the view makes it itself."""

    media_type = "image/jpeg"
    format = "jpeg"


class PngRenderer(BaseRenderer):
    """A picture; the view makes it itself."""

    media_type = "image/png"
    format = "png"


class _Retrieved(ApiView):
    """Instances in parts of one body."""

    renderer_classes: Any = (RelatedRenderer, JSONRenderer)

    def answer(self, request: Request, cohort_id: UUID, **uids: str) -> HttpResponseBase:
        _check_accepts(request, _INSTANCE)
        from cases.exchange import wado  # pydicom: for who asks for it

        images = _images(request, cohort_id, uids)
        return _in_parts((wado.instance_of(image) for image in images.iterator(chunk_size=100)), _INSTANCE)


class StudyView(_Retrieved):
    """A study's instances."""

    @extend_schema(operation_id="retrieve_study", summary="Retrieve a study (WADO-RS)", **schema.WADO)
    def get(self, request: Request, cohort_id: UUID, study: str) -> HttpResponseBase:
        """All instances of the study."""
        return self.answer(request, cohort_id, study=study)


class SeriesView(_Retrieved):
    """A series' instances."""

    @extend_schema(operation_id="retrieve_series", summary="Retrieve a series (WADO-RS)", **schema.WADO)
    def get(self, request: Request, cohort_id: UUID, study: str, series: str) -> HttpResponseBase:
        """All instances of the series."""
        return self.answer(request, cohort_id, study=study, series=series)


class InstanceView(_Retrieved):
    """One instance."""

    @extend_schema(operation_id="retrieve_instance", summary="Retrieve an instance (WADO-RS)", **schema.WADO)
    def get(
        self, request: Request, cohort_id: UUID, study: str, series: str, instance: str
    ) -> HttpResponseBase:
        """The instance."""
        return self.answer(request, cohort_id, study=study, series=series, instance=instance)


class _Metadata(ApiView):
    """Headers without pixels."""

    renderer_classes = (DicomJsonRenderer,)

    def answer(self, request: Request, cohort_id: UUID, **uids: str) -> Response:
        from cases.exchange import wado  # pydicom: for who asks for it

        images = _images(request, cohort_id, uids)
        return Response([wado.header_of(image).to_json_dict() for image in images])


class StudyMetadataView(_Metadata):
    """The headers of a study."""

    @extend_schema(operation_id="study_metadata", summary="Headers of a study (WADO-RS)", **schema.WADO_JSON)
    def get(self, request: Request, cohort_id: UUID, study: str) -> Response:
        """The headers of all instances of the study."""
        return self.answer(request, cohort_id, study=study)


class SeriesMetadataView(_Metadata):
    """The headers of a series."""

    @extend_schema(
        operation_id="series_metadata", summary="Headers of a series (WADO-RS)", **schema.WADO_JSON
    )
    def get(self, request: Request, cohort_id: UUID, study: str, series: str) -> Response:
        """The headers of all instances of the series."""
        return self.answer(request, cohort_id, study=study, series=series)


class InstanceMetadataView(_Metadata):
    """The header of an instance."""

    @extend_schema(
        operation_id="instance_metadata", summary="Header of an instance (WADO-RS)", **schema.WADO_JSON
    )
    def get(self, request: Request, cohort_id: UUID, study: str, series: str, instance: str) -> Response:
        """The header of the instance."""
        return self.answer(request, cohort_id, study=study, series=series, instance=instance)


class RenderedView(ApiView):
    """An instance as a picture for a screen."""

    renderer_classes = (JpegRenderer, PngRenderer, JSONRenderer)

    @extend_schema(
        operation_id="rendered_instance",
        summary="An instance as PNG or JPEG (WADO-RS)",
        parameters=[RenderedParameters],
        **schema.WADO_RENDERED,
    )
    def get(
        self, request: Request, cohort_id: UUID, study: str, series: str, instance: str
    ) -> HttpResponseBase:
        """The picture through its file's window at full size, or as the query wants it."""
        parameters = RenderedParameters.of(request)
        image = _images(request, cohort_id, {"study": study, "series": series, "instance": instance})[0]
        # By the weights of the header, which REST framework does not look at.
        media_type = request.get_preferred_type([JpegRenderer.media_type, PngRenderer.media_type])
        if media_type is None:
            raise NotAcceptable
        kind = "PNG" if media_type == PngRenderer.media_type else "JPEG"
        with drawings_at_once, _read():
            return HttpResponse(parameters.picture(image, kind), media_type)


class FramesView(ApiView):
    """The pixels of an instance, which has one frame."""

    renderer_classes = (RelatedRenderer, JSONRenderer)

    @extend_schema(
        operation_id="frames_of_instance",
        summary="Pixels of an instance (WADO-RS)",
        **schema.WADO_FRAMES,
    )
    def get(
        self, request: Request, cohort_id: UUID, study: str, series: str, instance: str, frames: str
    ) -> HttpResponseBase:
        """The pixels of frame 1, uncompressed."""
        _check_accepts(request, _FRAME)
        image = _images(request, cohort_id, {"study": study, "series": series, "instance": instance})[0]
        if frames != "1":
            raise Http404(_t("Each instance here has one frame, number 1."))
        from cases.exchange import wado  # pydicom: for who asks for it

        with _read():
            return _in_parts([wado.frame_of(image)], _FRAME)


@contextmanager
def _read() -> Iterator[None]:
    """Raise StoredFileUnreadable where a picture cannot be read."""
    try:
        yield
    except (FileNotFoundError, InferenceError):
        raise StoredFileUnreadable from None


def _images(request: Request, cohort_id: UUID, uids: dict[str, str]) -> QuerySet[Image]:
    """The images with these UIDs that the user may see. Http404 where there is none."""
    from cases.exchange import wado  # pydicom: for who asks for it

    cohort = cohort_or_404(request, cohort_id)
    require(user_of(request), Action.VIEW, cohort)
    keys = {name: qido.key_of(uid) for name, uid in uids.items()}
    found = wado.images_of(user_of(request), cohort, **keys)
    if not found.exists():
        raise Http404(_t("There is nothing under these UIDs, or you may not see it."))
    return found


def _check_accepts(request: Request, media_type: str) -> None:
    """Raise NotAcceptable where the client wants no parts of this kind, or another transfer syntax."""
    accepted = request.headers.get("Accept", "*/*").split(",")
    for kind, parameters in map(parse_header_parameters, accepted):
        is_kind = kind in ("*/*", "multipart/*", _RELATED, media_type)
        is_type = parameters.get("type", "*/*").lower() in ("*/*", "application/*", media_type)
        if is_kind and is_type and parameters.get("transfer-syntax", "") in _SYNTAXES:
            return
    raise NotAcceptable


def _in_parts(parts: Iterable[bytes], media_type: str) -> StreamingHttpResponse:
    from cases.exchange import wado  # pydicom: for who asks for it

    boundary = secrets.token_hex(16)
    content_type = f'{_RELATED}; type="{media_type}"; boundary={boundary}'
    return StreamingHttpResponse(wado.related(parts, media_type, boundary), content_type=content_type)
