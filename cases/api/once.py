"""Idempotency-Key: a request that creates something, sent again after its answer was lost, creates nothing
more (draft-ietf-httpapi-idempotency-key-header).

A key is of one account, and of what the request's token reaches: a token of one cohort is given no answer
about another. It is taken before anything is done, and given back where that failed. An answer is kept for a
day; its secret members are not.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from django.db import IntegrityError, transaction
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _t
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from cases.api.problems import problem
from cases.models import KeptAnswer
from cases.models.kept_answer import KEPT, MAX_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request

    from cases.api.views.base import ApiView
    from portal.accounts.models import User

HEADER = "Idempotency-Key"
# Whoever took a key and has not answered by then has died over it.
GIVEN_UP_AFTER = timedelta(minutes=10)
_KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY}}}")
_BAD_REQUEST = 400


def once(*secrets: str) -> Callable[[Any], Any]:
    """Make a view's `post` one that answers a request with the same key as it did before.

    secrets: members of the answer that are null in one that is given again.
    """

    def decorated(post: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @functools.wraps(post)
        def wrapped(view: ApiView, request: Request, **kwargs: Any) -> HttpResponseBase:
            if HEADER not in request.headers:
                return post(view, request, **kwargs)
            return _kept_or_made(request, lambda: post(view, request, **kwargs), secrets)

        return wrapped

    return decorated


def _kept_or_made(
    request: Request, make: Callable[[], HttpResponseBase], secrets: tuple[str, ...]
) -> HttpResponseBase:
    key, digest = _key_of(request), _digest_of(request)
    row, is_mine = _take(request, key, digest)
    if not is_mine:
        return _again(row, digest)
    try:
        response = make()
    except BaseException:
        row.delete()
        raise
    if response.status_code >= _BAD_REQUEST or not isinstance(response, Response):
        row.delete()
        return response
    body = json.loads(JSONRenderer().render(response.data))
    told = body | dict.fromkeys(set(secrets) & set(body)) if isinstance(body, dict) else body
    headers = {name: response[name] for name in ("Location", "ETag") if name in response}
    KeptAnswer.objects.filter(pk=row.pk).update(status=response.status_code, body=told, headers=headers)
    return response


def _key_of(request: Request) -> str:
    key = request.headers[HEADER]
    if not _KEY.fullmatch(key):
        said = _t("Give up to %(most)d visible ASCII characters, such as a UUID.") % {"most": MAX_KEY}
        raise ValidationError({HEADER: [said]})
    return key


def _digest_of(request: Request) -> str:
    asked = [request.method, request.get_full_path(), request.data, cast("User", request.user).limited_to]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()


def _take(request: Request, key: str, digest: str) -> tuple[KeptAnswer, bool]:
    """The row of the key, and whether this request is the one that makes its answer."""
    now, user = timezone.now(), cast("User", request.user)
    own = KeptAnswer.objects.filter(user=user, key=key)
    own.filter(created_at__lt=now - KEPT).delete()
    own.filter(status=None, created_at__lt=now - GIVEN_UP_AFTER).delete()
    try:
        with transaction.atomic():
            return KeptAnswer.objects.create(user=user, key=key, digest=digest), True
    except IntegrityError:
        if (found := own.first()) is not None:
            return found, False
        # Whoever was first has failed meanwhile, and given the key back.
        return _take(request, key, digest)


def _again(row: KeptAnswer, digest: str) -> HttpResponseBase:
    if row.digest != digest:
        return problem("key_reused", _t("This Idempotency-Key came with another request. Take a new one."))
    if row.status is None:
        return problem(
            "in_progress",
            _t("The first request with this Idempotency-Key is still being answered."),
            headers={"Retry-After": "1"},
        )
    answer = Response(row.body, status=row.status, headers=row.headers)
    answer["Idempotent-Replayed"] = "true"
    return answer
