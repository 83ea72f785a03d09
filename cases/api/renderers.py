"""The formats of the export, and how one of them is chosen.

The renderers only give a format its name and media type: the view streams CSV and
NDJSON itself, and errors are problem responses whatever the format.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _t
from rest_framework.exceptions import NotAcceptable, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request


class CsvRenderer(BaseRenderer):
    """Comma-separated values (RFC 4180)."""

    media_type = "text/csv"
    format = "csv"


class NdjsonRenderer(BaseRenderer):
    """Newline-delimited JSON: one object a line."""

    media_type = "application/x-ndjson"
    format = "ndjson"


class ExportNegotiation(DefaultContentNegotiation):
    """`?format=` decides, then the Accept header with its weights."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        by_format = {str(renderer.format): renderer for renderer in renderers}
        if wanted := request.query_params.get("format"):
            if wanted not in by_format:
                raise ValidationError({"format": [_unknown(wanted, by_format)]})
            return by_format[wanted], by_format[wanted].media_type
        by_media_type = {str(renderer.media_type): renderer for renderer in by_format.values()}
        media_type = request.get_preferred_type(list(by_media_type))
        if media_type is None:
            raise NotAcceptable
        return by_media_type[media_type], media_type


def _unknown(wanted: str, known: Iterable[str]) -> str:
    message = _t("There is no such format; choose %(known)s. Received: “%(received)s”.")
    return message % {"known": ", ".join(known), "received": wanted[:80]}


EXPORT_RENDERERS: tuple[type[BaseRenderer], ...] = (JSONRenderer, CsvRenderer, NdjsonRenderer)
