"""The pages that say what went wrong and how to go on.

They render without the request's context processors: whatever broke, the database
and the session included, these still work. A script gets plain words instead of a page.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

from django.conf import settings
from django.core.exceptions import PermissionDenied, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cases.access import CaseDeleted, sent_by_script
from cases.api.problems import DISK_FULL, KINDS, RETRY_AFTER_SECONDS, UNSTORABLE, problem_response
from cases.disclaimer import DISCLAIMER_SHOWN
from cases.input_values import UnstorableText, is_refused_value
from cases.storage import is_full
from portal.accounts.refusals import RetryLater, TooManyAttempts
from portal.theme import chosen_theme

TO_THE_WORKLIST = _("To the worklist")


@dataclass(frozen=True)
class Words:
    """What a page says: what happened, and what to do next."""

    heading: str | Promise
    explanation: str | Promise
    way_on: str = "home"
    way_on_label: str | Promise = TO_THE_WORKLIST


BAD_REQUEST = Words(
    _("This request cannot be understood"),
    _("Something in the address or the form was not right. Go back, load the page again and try once more."),
)
TOO_MANY_FILES = Words(
    _("Too many files at once"),
    _("At most %(n)d files at once. Nothing was stored; send them in several goes."),
    way_on="cases:upload",
    way_on_label=_("Back to the upload"),
)
UNSTORABLE_TEXT = Words(BAD_REQUEST.heading, UNSTORABLE)
UNAVAILABLE = Words(
    _("The database does not answer"),
    _("What you sent may not have been stored. Wait a few seconds, load the page again and look."),
)
TOO_MANY_ATTEMPTS = Words(
    _("Too many attempts"),
    _("Too often, what came from here opened nothing. Nothing was changed. Come again in %(minutes)d min."),
)
TOO_BUSY = Words(
    _("Too many people sign in at this moment"),
    _("Nothing was changed. Wait a few seconds, and send the form once more."),
    way_on="accounts:sign-in",
    way_on_label=_("To the sign-in"),
)
NO_ROOM = Words(KINDS["disk_full"].title, DISK_FULL)
NO_ROOM_STATUS = KINDS["disk_full"].status
FORBIDDEN = Words(
    _("You may not do this"),
    _("You are signed in, but your role does not reach this far."),
)
NOT_FOUND = Words(
    _("There is nothing here"),
    _("The address may be mistyped, or what stood here belongs to a cohort that you are not in."),
)
DELETED = Words(_("This case was deleted"), "")
BROKEN = Words(
    _("Something broke on our side"),
    _("What you sent may not have been stored. Wait a moment, load the page again and look."),
)
STALE_FORM = Words(
    _("This form is out of date"),
    _(
        "You signed in or out since the page was loaded, or this browser keeps no cookies. "
        "Nothing was changed. Go back, load the page again and send it once more."
    ),
)


def _page(request: HttpRequest, status: int, words: Words, reason: str = "") -> HttpResponse:
    context = {
        "status": status,
        "heading": words.heading,
        "explanation": words.explanation,
        "reason": reason,
        "way_on": reverse(words.way_on),
        "way_on_label": words.way_on_label,
        "theme": chosen_theme(request),
        "disclaimer": DISCLAIMER_SHOWN,
    }
    return HttpResponse(render_to_string("errors/error.html", context), status=status)


def is_for_programs(request: HttpRequest) -> bool:
    """Whether REST answers here, with problem responses instead of pages."""
    return request.path_info.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400; a form with too many files is told the number."""
    if is_for_programs(request):
        return problem_response(exception, {"request": request})
    if isinstance(exception, UnstorableText):
        return _page(request, 400, UNSTORABLE_TEXT)
    if isinstance(exception, TooManyFilesSent):
        explanation = str(TOO_MANY_FILES.explanation) % {"n": settings.DATA_UPLOAD_MAX_NUMBER_FILES}
        return _page(request, 400, replace(TOO_MANY_FILES, explanation=explanation))
    return _page(request, 400, BAD_REQUEST)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, with the sentence that the refusing rule gave."""
    reason = str(exception) if isinstance(exception, PermissionDenied) else ""
    return _page(request, 403, FORBIDDEN, reason)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404; it never says whether something is there for others."""
    return _page(request, 404, NOT_FOUND)


def case_deleted(request: HttpRequest, error: CaseDeleted) -> HttpResponse:
    """Answer 410, with the day. A script has the page loaded again, which then says so."""
    if sent_by_script(request):
        return HttpResponse(str(error), status=410, content_type="text/plain", headers={"HX-Refresh": "true"})
    return _page(request, 410, replace(DELETED, explanation=str(error)))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500; 503 where the database is busy or gone, 400 where it refused a value, 507 for a full disk.

    Whatever raised it, a view or a middleware: Django calls this while it handles the error.
    """
    error = sys.exception()
    if isinstance(error, Exception) and is_for_programs(request):
        return problem_response(error, {"request": request})
    if is_refused_value(error):
        return _page(request, 400, UNSTORABLE_TEXT)
    if error is not None and is_full(error):
        return _page(request, NO_ROOM_STATUS, NO_ROOM)
    if isinstance(error, OperationalError | InterfaceError):
        response = _page(request, 503, UNAVAILABLE)
        response["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    return _page(request, 500, BROKEN)


def refused_for_now(request: HttpRequest, refused: RetryLater) -> HttpResponse:
    """Answer 429 to too many attempts, 503 to too many people, with the time to come again."""
    if isinstance(refused, TooManyAttempts):
        explanation = str(TOO_MANY_ATTEMPTS.explanation) % {"minutes": refused.minutes}
        response = _page(request, 429, replace(TOO_MANY_ATTEMPTS, explanation=explanation))
    else:
        response = _page(request, 503, TOO_BUSY)
    response["Retry-After"] = str(refused.seconds)
    return response


def stale_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 where the token against forged requests is missing or old."""
    return _page(request, 403, STALE_FORM)
