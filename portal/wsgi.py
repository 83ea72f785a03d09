"""The WSGI entry point that a web server loads."""

from __future__ import annotations

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.base")
django.setup(set_prefix=False)


class Utf8Request(WSGIRequest):
    """A request that is read as UTF-8, whatever encoding it claims.

    Django reads the query string in the claimed one while it makes the request, before anything could answer
    for what goes wrong: of Python's some hundred encodings, a few are none of text.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    """Django's handler, for such requests."""

    request_class = Utf8Request


application = Handler()
