"""Who looked at what: each answered request of a person or a script becomes a row of the record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from cases.models import AccessEvent, AccessKind
from cases.record.accesses import record_access
from cases.request_context import Subject, request_id, watched
from portal.accounts import limiter
from portal.accounts.origin import client_address

if TYPE_CHECKING:
    from django.urls import ResolverMatch

    from portal.accounts.models import User

# Asked by an open page again and again, or about nobody's data.
QUIET = frozenset(
    {
        "cases:ahead",
        "cases:class-colours",
        "cases:columns",
        "cases:draft",
        "cases:give-back",
        "cases:hold",
        "cases:leave",
        "cases:live",
        "cases:states",
        "cases:status",
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
SIGN_IN, SIGN_OUT = "accounts:sign-in", "accounts:sign-out"
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
    "export": AccessKind.EXPORT,
    "people": AccessKind.PEOPLE,
    "record": AccessKind.STUDY,
    "setup": AccessKind.STUDY,
}
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
        """Remember who signs out: afterwards it is nobody."""
        match = request.resolver_match
        if match is not None and match.view_name == SIGN_OUT:
            request.signing_out = _person(request)  # type: ignore[attr-defined]


def _event(request: HttpRequest, response: HttpResponse, subject: Subject) -> AccessEvent | None:
    match = request.resolver_match
    if match is None or match.view_name in QUIET:
        return None
    person = _person(request) or getattr(request, "signing_out", None)
    kind = _kind(request, match, person)
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


def _kind(request: HttpRequest, match: ResolverMatch, person: User | None) -> AccessKind | None:
    if match.view_name == SIGN_IN:
        if request.method != "POST":
            return None
        return AccessKind.SIGN_IN if person else AccessKind.SIGN_IN_REFUSED
    if person is None:
        return None
    if match.view_name in BY_NAME:
        return BY_NAME[match.view_name]
    if match.namespace == "cases":
        return AccessKind.CASE if "code" in match.kwargs else AccessKind.OTHER
    return BY_NAMESPACE.get(match.namespace, AccessKind.OTHER)


def _subject(request: HttpRequest, match: ResolverMatch, subject: Subject, kind: AccessKind) -> str:
    """The case's code; else whatever id stands in the address, which tells also of what was refused."""
    if kind == AccessKind.SIGN_IN_REFUSED:
        return limiter.person(request.POST.get("username", ""))[:64]
    if subject.code:
        return subject.code
    named = next(iter(match.kwargs.values()), "")
    return str(named)[:64]


def _person(request: HttpRequest) -> User | None:
    user = getattr(request, "user", None)
    return user if user is not None and user.is_authenticated else None


def _via(request: HttpRequest) -> str:
    token = getattr(request, "auth", None)
    return f"token {token.token_key}" if token is not None else "session"
