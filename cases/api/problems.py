"""Problem responses (RFC 9457): every error of the API in one shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation, TooManyFilesSent
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import DataError, InterfaceError, OperationalError
from django.http import Http404, JsonResponse
from django.utils.functional import Promise
from django.utils.http import http_date
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions
from rest_framework.serializers import as_serializer_error
from rest_framework.views import set_rollback

from cases.access import CaseDeleted
from cases.api.preconditions import PreconditionFailed, PreconditionMissing
from cases.exchange.webhooks.hooks import WebhookChanged
from cases.input_values import UnstorableText, is_refused_value
from cases.intake.incoming.receiving import DigestDiffers, NoRoom, OffsetDiffers, TooLong, TooManyPieces
from cases.intake.incoming.vault import Unreadable
from cases.intake.uploads import CaseIsRead
from cases.lifecycle import IllegalTransition
from cases.reading.claims import SlotTaken
from cases.reading.first_reads import FirstReadConflict
from cases.reading.reviews import ReviewConflict
from cases.storage import is_full

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
# The name under which REST framework gives the errors that belong to no single field.
NO_FIELD = "non_field_errors"
RETRY_AFTER_SECONDS = 5
DISK_FULL = _(
    "What you sent could not be stored. Tell your administrator; once there is room, send it again."
)
UNSTORABLE = _(
    "The request holds a character or a number that cannot be stored, such as U+0000. Nothing was changed."
)


@dataclass(frozen=True)
class Kind:
    """What all problems of one code have in common."""

    status: int
    title: str | Promise


KINDS: Mapping[str, Kind] = {
    "invalid": Kind(400, _("The request is not valid")),
    "parse_error": Kind(400, _("The request cannot be read")),
    "not_authenticated": Kind(401, _("Sign in first")),
    "authentication_failed": Kind(401, _("The token is not valid")),
    "permission_denied": Kind(403, _("Your role does not allow this")),
    "insufficient_scope": Kind(403, _("The token is not for this")),
    "not_found": Kind(404, _("There is no such thing here")),
    "method_not_allowed": Kind(405, _("This address has no such method")),
    "not_acceptable": Kind(406, _("There is no such format")),
    "case_deleted": Kind(410, _("The case was deleted")),
    "conflict": Kind(409, _("A newer review is already stored")),
    "slot_taken": Kind(409, _("Others read this case")),
    "wrong_state": Kind(409, _("The state does not allow this")),
    "contradiction": Kind(409, _("It contradicts what is known")),
    "in_progress": Kind(409, _("The same request is still being answered")),
    "offset_differs": Kind(409, _("The upload goes on at another place")),
    "tus_version": Kind(412, _("This version of tus is not spoken here")),
    "precondition_failed": Kind(412, _("It is another state by now")),
    "too_large": Kind(413, _("The request is too large")),
    "too_many_files": Kind(413, _("Too many files in one request")),
    "unsupported_media_type": Kind(415, _("This media type is not read here")),
    "all_refused": Kind(422, _("None of the files was taken in")),
    "key_reused": Kind(422, _("The key came with another request")),
    "precondition_required": Kind(428, _("Say which state you start from")),
    "throttled": Kind(429, _("Too many attempts have failed")),
    "rate_limited": Kind(429, _("Too many requests")),
    "digest_differs": Kind(460, _("What arrived is not what was sent")),
    "unexpected": Kind(500, _("Something went wrong on our side")),
    "being_computed": Kind(503, _("The figures are being computed")),
    "unavailable": Kind(503, _("The database is busy")),
    "disk_full": Kind(507, _("The disk is full")),
    "uploads_full": Kind(507, _("There is no room for a further upload")),
}


def problem(code: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> JsonResponse:
    """The response for a problem of a kind in KINDS; `more` are further members of its body."""
    kind = KINDS[code]
    body = {
        "type": f"/api/v1/problems/#{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "code": code,
    }
    return JsonResponse(body | more, status=kind.status, headers=headers, content_type=MEDIA_TYPE)


class StoredFileUnreadable(exceptions.APIException):
    """A picture or heat map is gone, as one that is deleted at this moment, or damaged."""

    status_code, default_code = 503, "unavailable"

    def __init__(self) -> None:
        super().__init__(_t("The stored file cannot be read. Tell your administrator."))


def problem_response(error: Exception, context: Mapping[str, Any]) -> JsonResponse:
    """REST framework's exception handler: whatever a view raises becomes a problem."""
    set_rollback()
    response = _of_unstorable(error) if is_refused_value(error) else _problem_of(error)
    if response.status_code >= 500:  # noqa: PLR2004
        request = context["request"]
        logger.error(
            "%s %s failed.", request.method, request.path, exc_info=error, extra={"request": request}
        )
    return response


@singledispatch
def _problem_of(error: Exception) -> JsonResponse:
    return problem(
        "unexpected",
        _t("The request could not be completed. Try again; if it fails again, tell your administrator."),
    )


@_problem_of.register
def _of_rest_framework(error: exceptions.APIException) -> JsonResponse:
    # REST framework sets `auth_header` on the error that becomes a 401.
    challenge = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": challenge} if challenge else None
    code = error.default_code if error.default_code in KINDS else "unexpected"
    return problem(code, str(error.detail), headers=headers)


@_problem_of.register
def _of_many_requests(error: exceptions.Throttled) -> JsonResponse:
    headers = {"Retry-After": str(getattr(error, "wait", None) or RETRY_AFTER_SECONDS)}
    if error.get_codes() == "wrong_token":
        return problem(
            "throttled",
            _t("Too often, a token from here opened nothing. Check the token, and wait as Retry-After says."),
            headers=headers,
        )
    return problem(
        "rate_limited",
        _t("You ask more often than the portal answers. Nothing was changed; wait as Retry-After says."),
        headers=headers,
    )


@_problem_of.register
def _of_fields(error: exceptions.ValidationError) -> JsonResponse:
    return _invalid(error.detail)


@_problem_of.register
def _of_service_validation(error: DjangoValidationError) -> JsonResponse:
    return _invalid(as_serializer_error(error))


def _invalid(detail: Any) -> JsonResponse:
    errors = {field: [str(message) for message in _leaves(found)] for field, found in detail.items()}
    sentences = [
        message if field == NO_FIELD else f"{field}: {message}"
        for field, messages in errors.items()
        for message in messages
    ]
    return problem("invalid", " ".join(sentences), errors=errors)


def _leaves(found: Any) -> list[str]:
    """The messages in what REST framework nests for lists and objects."""
    if isinstance(found, dict):
        return [message for part in found.values() for message in _leaves(part)]
    if isinstance(found, list):
        return [message for part in found for message in _leaves(part)]
    return [found]


@_problem_of.register
def _of_missing(error: Http404) -> JsonResponse:
    return problem("not_found", str(error) or _t("Nothing is here, or you may not see it."))


@_problem_of.register
def _of_deleted_case(error: CaseDeleted) -> JsonResponse:
    at = error.deleted_at.isoformat() if error.deleted_at else None
    return problem("case_deleted", str(error), case=error.code, deleted_at=at)


@_problem_of.register
def _of_missing_right(error: PermissionDenied) -> JsonResponse:
    return problem("permission_denied", str(error) or _t("Your role does not allow this."))


@_problem_of.register
def _of_state(error: IllegalTransition) -> JsonResponse:
    return problem("wrong_state", str(error))


@_problem_of.register
def _of_missing_precondition(error: PreconditionMissing) -> JsonResponse:
    return problem("precondition_required", str(error))


@_problem_of.register(PreconditionFailed)
@_problem_of.register(WebhookChanged)
def _of_failed_precondition(error: Exception) -> JsonResponse:
    return problem("precondition_failed", str(error))


@_problem_of.register
def _of_read_case(error: CaseIsRead) -> JsonResponse:
    return problem("wrong_state", str(error))


@_problem_of.register
def _of_newer_review(error: ReviewConflict) -> JsonResponse:
    from cases.api.serializers import ReviewSerializer

    return problem("conflict", str(error), current=ReviewSerializer(error.current).data)


@_problem_of.register
def _of_earlier_read(error: FirstReadConflict) -> JsonResponse:
    from cases.api.serializers import FirstReadSerializer

    return problem("conflict", str(error), current_first_read=FirstReadSerializer(error.current).data)


@_problem_of.register
def _of_full_case(error: SlotTaken) -> JsonResponse:
    headers = {"Retry-After": http_date(error.until.timestamp())} if error.until else None
    return problem("slot_taken", str(error), headers=headers)


@_problem_of.register
def _of_suspicion(error: SuspiciousOperation) -> JsonResponse:
    return problem("parse_error", _t("The request is malformed or has too many fields."))


@_problem_of.register(UnstorableText)
@_problem_of.register(DataError)
def _of_unstorable(error: Exception) -> JsonResponse:
    return problem("invalid", str(UNSTORABLE))


@_problem_of.register
def _of_size(error: RequestDataTooBig) -> JsonResponse:
    return problem("too_large", _t("The body is larger than this address reads."))


@_problem_of.register(TooLong)
@_problem_of.register(TooManyPieces)
def _of_long_upload(error: Exception) -> JsonResponse:
    return problem("too_large", str(error))


@_problem_of.register
def _of_other_offset(error: OffsetDiffers) -> JsonResponse:
    return problem("offset_differs", str(error))


@_problem_of.register
def _of_other_digest(error: DigestDiffers) -> JsonResponse:
    return problem("digest_differs", str(error))


@_problem_of.register
def _of_no_room(error: NoRoom) -> JsonResponse:
    return problem("uploads_full", str(error))


@_problem_of.register
def _of_lost_upload(error: Unreadable) -> JsonResponse:
    return problem("not_found", _t("What had arrived of this upload is lost. Send it again."))


@_problem_of.register
def _of_many_files(error: TooManyFilesSent) -> JsonResponse:
    return problem("too_many_files", _t("Send the files in several requests."))


@_problem_of.register
def _of_the_disk(error: OSError) -> JsonResponse:
    return problem("disk_full", str(DISK_FULL)) if is_full(error) else _problem_of.dispatch(Exception)(error)


@_problem_of.register(OperationalError)
@_problem_of.register(InterfaceError)
def _of_busy_database(error: Exception) -> JsonResponse:
    return problem(
        "unavailable", _t("Try again in a few seconds."), headers={"Retry-After": str(RETRY_AFTER_SECONDS)}
    )
