"""How often a token, or an address, may ask the REST API; uploads have a count of their own.

Each window of that time has a number in the configured cache. Where that is the memory of each web process
(CACHE_URL), each process counts for itself.
"""

from __future__ import annotations

import logging
import math
import time
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.cache import cache
from redis import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from portal.accounts.origin import client_address, digest

if TYPE_CHECKING:
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)

# Of forms, and of pieces (tus).
_OF_FILES = ("multipart/", "application/offset+octet-stream")

Rated = tuple[int, int]  # so many requests in so many seconds


class Rate(BaseThrottle):
    """429 for who asks more often than API_RATE, or API_UPLOAD_RATE where the request brings files."""

    _until_next = 0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request; a cache that is away lets everybody pass."""
        kind, rate = _rate_of(request)
        if rate is None:
            return True
        number, seconds = rate
        now = time.time()
        window = int(now // seconds)
        self._until_next = math.ceil((window + 1) * seconds - now)
        key = f"rate:{kind}:{_who(request)}:{window}"
        try:
            cache.add(key, 0, seconds)
            return cache.incr(key) <= number
        except ValueError:
            # Thrown out by the cache in between.
            return True
        except (RedisError, OSError) as error:
            logger.warning("Requests are not counted: %s.", type(error).__name__)
            return True

    def wait(self) -> float:
        """Seconds until the next window."""
        return self._until_next


def _rate_of(request: Request) -> tuple[str, Rated | None]:
    if request.method in ("POST", "PATCH") and (request.content_type or "").startswith(_OF_FILES):
        return "uploads", settings.API_UPLOAD_RATE
    return "requests", settings.API_RATE


def _who(request: Request) -> str:
    """The token, and without one the address."""
    if request.auth is not None:
        return str(request.auth.pk)
    return digest("rate", str(client_address(request)))
