"""The registered networks."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.parameters import Parameters
from cases.api.serializers import ModelVersionSerializer
from cases.api.views.base import ApiView, require_somewhere
from cases.models import ModelVersion
from cases.permissions import Action


class ModelVersionsView(ApiView):
    """For those who compare networks on the pages: study administrators."""

    @extend_schema(
        operation_id="model_versions",
        tags=["about"],
        summary="The registered networks, newest first",
        responses={200: ModelVersionSerializer(many=True)} | schema.problems(400, 401, 403),
    )
    def get(self, request: Request) -> Response:
        """All of them; results of each stay for ever."""
        Parameters.of(request)
        require_somewhere(request, Action.MANAGE)
        return Response(ModelVersionSerializer(ModelVersion.objects.all(), many=True).data)
