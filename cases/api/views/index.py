"""The way in, what the problem codes mean, and every address that there is not."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import resolve
from django.utils.translation import gettext as _t
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from cases.api import schema
from cases.api.parameters import Parameters
from cases.api.problems import KINDS
from cases.api.views.base import ApiView
from cases.disclaimer import DISCLAIMER

ENTRIES = (
    "cohorts",
    "uploads",
    "cases",
    "reviewed-cases",
    "figures",
    "snapshots",
    "codebook",
    "model-versions",
    "problems",
    "schema",
    "docs",
)


class IndexView(ApiView):
    """Where to begin."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="index",
        tags=["about"],
        auth=[],
        summary="Where to begin",
        responses={200: schema.IndexSerializer} | schema.problems(400),
    )
    def get(self, request: Request) -> Response:
        """The addresses that need no id."""
        Parameters.of(request)
        return Response(
            {
                "title": settings.SPECTACULAR_SETTINGS["TITLE"],
                "notice": DISCLAIMER,
                "links": {name: reverse(f"api:{name}", request=request) for name in ENTRIES},
            }
        )


class ProblemsView(ApiView):
    """What the `type` of a problem response leads to."""

    permission_classes = (AllowAny,)

    @extend_schema(
        operation_id="problems",
        tags=["about"],
        auth=[],
        summary="The problem codes and what they mean",
        responses={200: schema.KindSerializer(many=True)} | schema.problems(400),
    )
    def get(self, request: Request) -> Response:
        """All of them."""
        Parameters.of(request)
        return Response(
            [{"code": code, "status": kind.status, "title": str(kind.title)} for code, kind in KINDS.items()]
        )


class UnknownView(APIView):
    """Every address below /api/ that no other view has."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not _exists_with_slash(request):
            raise Http404(_t("Nothing is here; /api/v1/ lists the addresses."))
        if request.method not in ("GET", "HEAD"):
            raise Http404(_t("Nothing is here; the address wants a slash at its end."))

    def get(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The same address with the slash that Django's addresses end with."""
        return HttpResponsePermanentRedirect(request.get_full_path(force_append_slash=True))


def _exists_with_slash(request: Request) -> bool:
    if request.path_info.endswith("/"):
        return False
    return getattr(resolve(f"{request.path_info}/").func, "cls", None) is not UnknownView
