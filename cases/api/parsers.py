"""Reading request bodies."""

from __future__ import annotations

from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework.parsers import JSONParser


class BoundedJSONParser(JSONParser):
    """JSON up to DATA_UPLOAD_MAX_MEMORY_SIZE bytes.

    Django holds to that limit for forms and for `request.body`; REST framework's
    own parser reads the stream past it. A body without Content-Length reads as empty.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any | None = None
    ) -> dict[str, Any]:
        meta = (parser_context or {})["request"].META
        if int(meta.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        return super().parse(stream, media_type, parser_context)
