"""Who looked at what: each answered request of a person or a script becomes a row of the record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from cases.models import AccessEvent, AccessKind
from cases.models.case import CODE_SHAPE
from cases.record.accesses import record_access
from cases.request_context import Subject, request_id, watched
from portal.accounts import limiter, proof
from portal.accounts.origin import client_address
from portal.session_seen import is_asked_by_itself

if TYPE_CHECKING:
    from django.urls import ResolverMatch

    from portal.accounts.models import User

# What goes with a page that is told of, or is about nobody's data.
QUIET = frozenset(
    {
        "cases:ahead",
        "cases:class-colours",
        "cases:columns",
        "cases:draft",
        "cases:give-back",
        "cases:leave",
        "guide",
        "guides",
        # Asked by a container engine, which must have its answer while the database is gone.
        "health:live",
        "health:metrics",
        "health:ready",
        "home",
        "icon",
        "language",
        "theme",
    }
)
SIGN_OUT = "accounts:sign-out"
# Where somebody comes in: by password, by a second factor, by the hospital's provider.
DOORS = frozenset({"accounts:sign-in", "accounts:sign-in-code", "accounts:oidc-back"})
BY_NAME: Mapping[str, AccessKind] = {
    "cases:base": AccessKind.PICTURE,
    "cases:base-nifti": AccessKind.PICTURE,
    "cases:thumbnail": AccessKind.PICTURE,
    "cases:map": AccessKind.RESULT,
    "cases:map-nifti": AccessKind.RESULT,
    "cases:overlay": AccessKind.RESULT,
    "cases:dicom": AccessKind.EXPORT,
    "cases:worklist": AccessKind.LIST,
    "dashboard:card_csv": AccessKind.EXPORT,
    "record:lines": AccessKind.EXPORT,
    SIGN_OUT: AccessKind.SIGN_OUT,
}
BY_NAMESPACE: Mapping[str, AccessKind] = {
    "accounts": AccessKind.PEOPLE,
    "admin": AccessKind.ADMIN,
    "api": AccessKind.API,
    "dashboard": AccessKind.STUDY,
    "exchange": AccessKind.STUDY,
    "export": AccessKind.EXPORT,
    "people": AccessKind.PEOPLE,
    "record": AccessKind.STUDY,
    "setup": AccessKind.STUDY,
}
# What opens something to whoever has it, by its name in a route: it is written down nowhere.
SECRETS = frozenset({"secret", "token"})
_CODE = re.compile(CODE_SHAPE)
# An address of the DICOM archives, longer than any of ours.
_LONGEST = 200


class AccessRecordMiddleware:
    """Stands within the sign-in. What a visitor looks at is nobody's data, except at the door."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with watched() as subject:
            response = self.get_response(request)
        if (event := _event(request, response, subject)) is not None:
            record_access(event)
        return response

    def process_view(self, request: HttpRequest, *_view: Any) -> None:
        """At the door, remember who it was before: afterwards it is somebody, or nobody any more."""
        match = request.resolver_match
        if match is not None and match.view_name in {SIGN_OUT, *DOORS}:
            request.before = _person(request)  # type: ignore[attr-defined]


def _event(request: HttpRequest, response: HttpResponse, subject: Subject) -> AccessEvent | None:
    match = request.resolver_match
    if match is None or match.view_name in QUIET or is_asked_by_itself(request):
        return None
    before, person = getattr(request, "before", None), _person(request)
    if match.view_name in DOORS:
        kind = _at_the_door(request, response) if person is None else None if before else AccessKind.SIGN_IN
    else:
        person = person or before
        kind = _kind(match) if person else None
    if kind is None:
        return None
    address = client_address(request)
    return AccessEvent(
        at=timezone.now(),
        actor=person,
        kind=kind,
        method=(request.method or "")[:7],
        route=f"/{match.route}"[:_LONGEST],
        status=response.status_code,
        subject=_subject(request, match, subject, kind),
        cohort_id=subject.cohort,
        address=str(address or ""),
        via=_via(request) if person else "",
        request_id=request_id(),
    )


def _at_the_door(request: HttpRequest, response: HttpResponse) -> AccessKind | None:
    """Somebody was refused, unless they only look, or are led on to their second factor."""
    led_to = getattr(response, "url", "").partition("?")[0]
    tries = request.method == "POST" or led_to == reverse("accounts:sign-in")
    is_half_way = led_to == reverse("accounts:sign-in-code")
    return AccessKind.SIGN_IN_REFUSED if tries and not is_half_way else None


def _kind(match: ResolverMatch) -> AccessKind:
    if match.view_name in BY_NAME:
        return BY_NAME[match.view_name]
    if match.namespace == "cases":
        return AccessKind.CASE if "code" in match.kwargs else AccessKind.OTHER
    return BY_NAMESPACE.get(match.namespace, AccessKind.OTHER)


def _subject(request: HttpRequest, match: ResolverMatch, subject: Subject, kind: AccessKind) -> str:
    """The case's code; else whatever id stands in the address, which tells also of what was refused. No
    secret, and in the place of a code no other word, which may be a patient's name.
    """
    if kind == AccessKind.SIGN_IN_REFUSED:
        half_way = proof.half_way(request) if match.view_name == "accounts:sign-in-code" else None
        return limiter.person(half_way.email if half_way else request.POST.get("username", ""))[:64]
    if subject.code:
        return subject.code
    name, named = next(((name, str(given)) for name, given in match.kwargs.items()), ("", ""))
    if name in SECRETS or (name == "code" and not _CODE.fullmatch(named)):
        return ""
    return named[:64]


def _person(request: HttpRequest) -> User | None:
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _via(request: HttpRequest) -> str:
    token = getattr(request, "auth", None)
    return f"token {token.token_key}" if token is not None else "session"
