"""One reviewed case as DICOM files."""

from __future__ import annotations

from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _t
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from cases.access import CaseDeleted
from cases.api import schema
from cases.api.parameters import Parameters
from cases.api.problems import problem
from cases.api.views.base import ApiView, user_of
from cases.export.dicom.archive import MEDIA_TYPE, NotToBeExported, case_to_export, exported
from cases.models import Case


class ZipRenderer(BaseRenderer):
    """A zip; the view streams it itself."""

    media_type = MEDIA_TYPE
    format = "zip"


class CaseDicomView(ApiView):
    """Secondary Captures and Structured Reports of one case."""

    renderer_classes = (ZipRenderer, JSONRenderer)

    @extend_schema(
        operation_id="case_dicom",
        tags=["export"],
        summary="One reviewed case as DICOM files in a zip",
        description=(
            "Secondary Captures of the pictures and of the heat map, and Structured Reports (TID 1500) of "
            "the network and of each final read. The same case gives the same files, under the same UIDs."
        ),
        parameters=[schema.CODE],
        responses={(200, MEDIA_TYPE): OpenApiResponse(OpenApiTypes.BINARY, description="The files in a zip.")}
        | schema.problems(400, 401, 403, 404, 406, 409, 410),
    )
    def get(self, request: Request, code: str) -> HttpResponseBase:
        """The zip, once the case is over."""
        Parameters.of(request)
        user = user_of(request)
        try:
            return exported(by=user, case=case_to_export(user, code))
        except CaseDeleted:
            raise
        except Case.DoesNotExist:
            raise Http404(_t("There is no case of this code, or you may not see it.")) from None
        except NotToBeExported as error:
            return problem("wrong_state", str(error))
