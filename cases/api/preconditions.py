"""ETags of what may be overwritten, and the If-Match without which nothing is (RFC 9110, 13.1.1)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _t
from rest_framework.response import Response

if TYPE_CHECKING:
    from rest_framework.request import Request


class PreconditionMissing(Exception):
    """Raised where an overwriting request names no state that it starts from."""

    def __init__(self) -> None:
        super().__init__(_t("Send If-Match with the ETag that you were answered last."))


class PreconditionFailed(Exception):
    """Raised where the state is another one by now."""

    def __init__(self) -> None:
        super().__init__(_t("It was changed meanwhile. Look at it again, and send the new ETag."))


def etag_of(body: Any) -> str:
    """A strong tag of what an answer says."""
    text = json.dumps(body, sort_keys=True, default=str)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def tagged(body: Any) -> Response:
    """The answer with its tag."""
    return Response(body, headers={"ETag": etag_of(body)})


def require_match(request: Request, etag: str) -> None:
    """Raise unless the request's If-Match names this state; ask with the row locked."""
    given = request.headers.get("If-Match", "")
    if not given.strip():
        raise PreconditionMissing
    tags = {tag.strip() for tag in given.split(",")}
    if etag not in tags and tags != {"*"}:
        raise PreconditionFailed
