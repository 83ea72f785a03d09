"""The OpenAPI document, which says what the REST API is."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.http import HttpResponse
from django.utils.translation import get_language, override
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularAPIView
from rest_framework.request import Request

from cases.downloads import named


class DocumentView(SpectacularAPIView):
    """drf-spectacular's, where a process puts the document together once for each language and form.

    That takes long, it says the same to everybody, and nobody has to sign in to ask. Nor do they choose
    which version the document says it has.
    """

    def _get_schema_response(self, request: Request) -> HttpResponse:
        renderer = request.accepted_renderer
        language = get_language()
        known = language if language in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        charset = f"; charset={renderer.charset}" if renderer.charset else ""
        return HttpResponse(
            _document(known, renderer.media_type),
            content_type=f"{renderer.media_type}{charset}",
            headers=named(f"SecondRead REST API.{renderer.format}", is_shown=True),
        )


@cache
def _document(language: str, media_type: str) -> bytes:
    renderers = {each.media_type: each for each in DocumentView.renderer_classes}
    with override(language):
        schema = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    found: str | bytes = renderers[media_type]().render(schema, media_type, {})
    return found.encode() if isinstance(found, str) else found
