"""Pictures, results and heat maps of a case."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from cases import disclosures
from cases.analysis.results import prediction_visible_to, results_lying_open
from cases.api import schema
from cases.api.parameters import Parameters, one_of
from cases.api.problems import StoredFileUnreadable
from cases.api.renderers import ExportNegotiation
from cases.api.serializers import ImageResultSerializer
from cases.api.views.base import ApiView, case_or_404, user_of
from cases.lifecycle import Shown
from cases.models import Prediction
from cases.permissions import Action, require
from cases.viewer.images import (
    CHANNELS,
    GZIP,
    INTERPOLATIONS,
    as_kept,
    drawn,
    image_at,
    one_map,
    picture_nifti,
    picture_png,
    pixels_of,
    stored_name,
)
from cases.viewer.placing import window_of
from inference.colour_maps import DEFAULT_COLOUR_MAP
from inference.heatmaps import COLOUR_MAPS, colour_png, map_over_image
from inference.volumes import map_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from inference.preprocessing import Letterbox

NPY = "application/x-npy"
_UNREADABLE = 503


class PngRenderer(BaseRenderer):
    """For people."""

    media_type, format = "image/png", "png"


class NpyRenderer(BaseRenderer):
    """For numpy.load."""

    media_type, format = NPY, "npy"


class NiftiRenderer(BaseRenderer):
    """For viewers: compressed NIfTI."""

    media_type, format = GZIP, "nifti"


class PictureParameters(Parameters):
    """How a picture is given."""

    elsewhere = ("format",)

    channel = one_of(CHANNELS, _("One channel, of PNG and NIfTI; grey without it."))


class MapParameters(Parameters):
    """How a map is given."""

    elsewhere = ("format",)

    colours = one_of(COLOUR_MAPS, _("The colours of a PNG."))
    interpolation = one_of(INTERPOLATIONS, _("Between the fields of the layer, of PNG and NIfTI."))


class ResultSerializer(ImageResultSerializer):
    """What one network said of one image."""

    model_version = serializers.CharField(source="model_version.name")
    created_at = serializers.DateTimeField()
    maps = serializers.SerializerMethodField(help_text=_("Addresses of its heat maps, by layer and class."))

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "object"}})
    def get_maps(self, prediction: Prediction) -> dict[str, dict[str, str]]:
        """None for a network without maps."""
        version = prediction.model_version
        return {
            layer["name"]: {
                each["code"]: self._address(prediction, layer["name"], each["code"])
                for each in version.classes
            }
            for layer in version.layers
        }

    def _address(self, prediction: Prediction, layer: str, code: str) -> str:
        told = {"code": self.context["code"], "prediction_id": prediction.pk}
        named = told | {"layer": layer, "shown_class": code}
        return reverse("api:map", kwargs=named, request=self.context["request"])


def _files(npy: str) -> dict[Any, Any]:
    return {
        (200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY),
        (200, NPY): OpenApiResponse(OpenApiTypes.BINARY, description=npy),
        (200, GZIP): OpenApiResponse(OpenApiTypes.BINARY, description="NIfTI, with its place in space."),
        304: OpenApiResponse(description="The picture is the one that If-None-Match names."),
    }


def _npy(pixels: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(pixels), allow_pickle=False)
    return stream.getvalue()


def _sent(request: Request, key: str, draw: Any, stored: str = "") -> HttpResponseBase:
    """The file with its ETag, or 304; what cannot be read is a problem like any other."""
    renderer = request.accepted_renderer
    named = f"rest:{renderer.format}:{key}"
    answer = drawn(request, named, draw, str(renderer.media_type), stored)  # type: ignore[arg-type]  # headers alone
    if answer.status_code == _UNREADABLE:
        raise StoredFileUnreadable
    return answer


class PictureView(ApiView):
    """One picture of a case."""

    renderer_classes = (PngRenderer, NpyRenderer, NiftiRenderer)
    content_negotiation_class = ExportNegotiation

    @extend_schema(
        operation_id="picture",
        tags=["cases"],
        summary="One picture of a case, as PNG, NPY or NIfTI",
        parameters=[
            schema.CODE,
            OpenApiParameter("position", OpenApiTypes.INT, OpenApiParameter.PATH, description="From 0."),
            PictureParameters,
            schema.ETAG,
        ],
        responses=_files("The stored pixels: unsigned integers, (rows, columns) or (rows, columns, 3).")
        | schema.problems(400, 401, 404, 406, 410),
    )
    def get(self, request: Request, code: str, position: int) -> HttpResponseBase:
        """PNG through the picture's window, up to 1024 pixels; NPY and NIfTI with every bit."""
        parameters = PictureParameters.of(request)
        channel = parameters.validated_data.get("channel", "grey")
        case = case_or_404(request, code)
        image = image_at(case, str(position))
        makers = {
            "png": lambda: picture_png(image, channel),
            "npy": lambda: _npy(pixels_of(image)),
            "nifti": lambda: picture_nifti(image, channel),
        }
        key = f"{image.file}:{window_of(image)}:{channel}"
        shape = str(request.accepted_renderer.format)
        stored = stored_name(image, channel) if shape == "png" else ""
        return as_kept(_sent(request, key, makers[shape], stored), case)


class PredictionsView(ApiView):
    """What networks said."""

    @extend_schema(
        operation_id="predictions",
        tags=["cases"],
        summary="Every result of a case that lies open before you: of each image, by each network",
        description="Empty for a reader of a blinded case before the own read is committed.",
        parameters=[schema.CODE],
        responses={200: ResultSerializer(many=True)} | schema.problems(400, 401, 403, 404, 410),
    )
    def get(self, request: Request, code: str) -> Response:
        """By network, the newest first, and by position."""
        Parameters.of(request)
        case = case_or_404(request, code)
        require(request.user, Action.READ, case.cohort)
        found = results_lying_open(request.user, case)
        rows = list(found.order_by("-model_version__registered_at", "image__position"))
        if rows:
            disclosures.record(to=user_of(request), cases=[case.pk], kinds=[Shown.NETWORK])
        context = {"request": request, "code": case.code}
        return Response(ResultSerializer(rows, many=True, context=context).data)


class MapView(ApiView):
    """One heat map."""

    renderer_classes = (PngRenderer, NpyRenderer, NiftiRenderer)
    content_negotiation_class = ExportNegotiation

    @extend_schema(
        operation_id="map",
        tags=["cases"],
        summary="One heat map, as PNG, NPY or NIfTI",
        parameters=[
            schema.CODE,
            OpenApiParameter("prediction_id", OpenApiTypes.UUID, OpenApiParameter.PATH),
            OpenApiParameter("layer", str, OpenApiParameter.PATH),
            OpenApiParameter("shown_class", str, OpenApiParameter.PATH),
            MapParameters,
            schema.ETAG,
            schema.MAP_SQUARE,
        ],
        responses=_files("The layer's fields: uint8 (rows, columns) over the square that Map-Square tells.")
        | schema.problems(400, 401, 403, 404, 406, 410),
    )
    def get(
        self, request: Request, code: str, prediction_id: UUID, layer: str, shown_class: str
    ) -> HttpResponseBase:
        """PNG and NIfTI lie over the picture; NPY has the fields as the network gave them."""
        given = MapParameters.of(request).validated_data
        case = case_or_404(request, code)
        require(request.user, Action.READ, case.cohort)
        try:
            prediction = prediction_visible_to(request.user, case, str(prediction_id))
        except Prediction.DoesNotExist:
            raise Http404(_t("This case has no such result, or it does not lie open before you.")) from None
        if not _has_map(prediction, layer, shown_class):
            raise Http404(_t("The network has no map of this layer and class."))
        disclosures.record(to=user_of(request), cases=[case.pk], kinds=[Shown.NETWORK])
        colours = given.get("colours", DEFAULT_COLOUR_MAP)
        smooth = given.get("interpolation", INTERPOLATIONS[0]) == "linear"
        width, height = prediction.image.width, prediction.image.height

        def fields() -> tuple[NDArray[np.uint8], Letterbox]:
            return one_map(prediction, layer, shown_class)

        told: dict[str, str] = {}

        def npy() -> bytes:
            values, square = fields()
            told["Map-Square"] = f"{square.side} {0 - square.left:g} {0 - square.top:g}"
            return _npy(values)

        makers = {
            "png": lambda: colour_png(map_over_image(*fields(), width, height, smooth=smooth), colours),
            "npy": npy,
            "nifti": lambda: map_volume(*fields(), width, height, smooth=smooth),
        }
        key = f"{prediction.maps_file}:{layer}:{shown_class}:{colours}:{smooth}:{width}:{height}"
        answer = _sent(request, key, makers[str(request.accepted_renderer.format)])
        for name, value in told.items():
            answer[name] = value
        return answer


def _has_map(prediction: Prediction, layer: str, shown_class: str) -> bool:
    version = prediction.model_version
    return layer in {each["name"] for each in version.layers} and shown_class in version.class_labels
