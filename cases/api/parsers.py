"""Reading request bodies."""

from __future__ import annotations

import json
from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.utils.translation import gettext as _t
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

from cases.input_values import BoundedDecoder


class BoundedJSONParser(JSONParser):
    """JSON up to DATA_UPLOAD_MAX_MEMORY_SIZE bytes, with the bounds of cases/input_values.py.

    Django holds to that limit for forms and for `request.body`; REST framework's
    own parser reads the stream past it. A body without Content-Length reads as empty.
    """

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Any | None = None
    ) -> dict[str, Any]:
        meta = (parser_context or {})["request"].META
        if int(meta.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig
        try:
            given: dict[str, Any] = json.loads(stream.read().decode(), cls=BoundedDecoder)
        except ValueError as error:
            # Of text that is no UTF-8 the error would quote the bytes.
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "no UTF-8"
            raise ParseError(
                _t("The body is no JSON that is read here: %(reason)s.") % {"reason": reason}
            ) from None
        return given
