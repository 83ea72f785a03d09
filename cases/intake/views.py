"""Uploading: one endpoint for the plain form, and for the script that sends one file or one case at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from natsort import natsort_keygen, ns

from cases.access import PageRequest, sent_by_script, signed_in
from cases.intake.form_files import files_of
from cases.intake.forms import Grouping, UploadForm
from cases.intake.uploads import Given, Outcome, Receipt, is_disk_full, submit_file, submit_series
from cases.models import Cohort
from cases.permissions import Action, may_anywhere
from cases.worklist.rows import Row, rows_by_code
from inference.formats import FORMATS, accept_attribute

# By this header the script knows an answer of this view from any other page,
# such as a proxy's error page.
OUTCOME_HEADER = "X-Upload-Outcome"

_by_number_and_word = natsort_keygen(alg=ns.IGNORECASE)
STATUS_OF_OUTCOME = {Outcome.RECEIVED: 201, Outcome.DUPLICATE: 200, Outcome.REFUSED: 422}
DISK_FULL_STATUS = 507


@dataclass(frozen=True)
class UploadRow:
    """What became of one file, or of the `files` that one case was made of, in their order there. Names are
    shown in this one answer and kept nowhere.
    """

    name: str
    receipt: Receipt
    row: Row | None
    files: tuple[str, ...] = ()


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def upload(request: PageRequest) -> HttpResponse:
    """The upload page; a POST takes files in and answers with one row a file."""
    if not may_anywhere(request.user, Action.UPLOAD):
        raise PermissionDenied(_t("Your role does not include uploading. Ask your study administrator."))
    if request.method == "POST":
        return _take_in(request)
    return _page(request, UploadForm(user=request.user))


def _take_in(request: PageRequest) -> HttpResponse:
    form = UploadForm(request.POST, user=request.user)
    files = files_of(request, "files")
    if not files:
        form.add_error(None, _t("Choose at least one file."))
    if not form.is_valid():
        return _refuse_form(request, form, [name for name, _given in files])
    cohort = form.cleaned_data["cohort"]
    if form.cleaned_data["grouping"] == Grouping.ONE_CASE:
        rows = _submit_as_one(request, cohort, files)
    else:
        rows = [_submit(request, cohort, name, given) for name, given in files]
    if sent_by_script(request):
        return _rows_alone(request, rows)
    status = DISK_FULL_STATUS if is_disk_full([row.receipt for row in rows]) else 200
    return _page(request, form, rows=rows, status=status)


def _submit(request: PageRequest, cohort: Cohort, name: str, given: Given) -> UploadRow:
    if isinstance(given, Receipt):
        return UploadRow(_shown(name), given, None)
    receipt = submit_file(by=request.user, cohort=cohort, file=given)
    return UploadRow(_shown(name), receipt, _row_of(request, receipt))


def natural_key(name: str) -> tuple[Any, str]:
    """A key to sort file names by as people mean it: slice2 before slice10, whatever the case of letters. Of
    names that are alike so far, the plain text decides.
    """
    return _by_number_and_word(name), name


def _submit_as_one(
    request: PageRequest, cohort: Cohort, files: Sequence[tuple[str, Given]]
) -> list[UploadRow]:
    """One row for the case, then one for each file that is no part of it."""
    ordered = sorted(files, key=lambda file: natural_key(file[0]))
    receipts = submit_series(by=request.user, cohort=cohort, files=[given for _name, given in ordered])
    named = [(_shown(name), receipt) for (name, _given), receipt in zip(ordered, receipts, strict=True)]
    received = [(name, receipt) for name, receipt in named if receipt.outcome == Outcome.RECEIVED]
    left_out = [
        UploadRow(name, receipt, None) for name, receipt in named if receipt.outcome != Outcome.RECEIVED
    ]
    if not received:
        return left_out
    words = ngettext("%(n)d file as one case", "%(n)d files as one case", len(received))
    notices = dict.fromkeys(notice for _, receipt in received for notice in receipt.notices)
    receipt = replace(received[0][1], notices=tuple(notices))
    row = _row_of(request, receipt)
    names = tuple(name for name, _ in received)
    return [UploadRow(words % {"n": len(received)}, receipt, row, names), *left_out]


def _shown(name: str) -> str:
    return name or _t("Unnamed file")


def _row_of(request: PageRequest, receipt: Receipt) -> Row | None:
    found = rows_by_code(request.user, [receipt.case.code]) if receipt.case else []
    return found[0] if found else None


def _refuse_form(request: PageRequest, form: UploadForm, names: Sequence[str]) -> HttpResponse:
    """The form does not say enough to take anything in."""
    if not sent_by_script(request):
        return _page(request, form, status=422)
    sentence = " ".join(str(error) for errors in form.errors.values() for error in errors)
    receipt = Receipt(Outcome.REFUSED, None, "form_invalid", sentence)
    return _rows_alone(request, [UploadRow(name, receipt, None) for name in names or [""]])


def _rows_alone(request: PageRequest, rows: list[UploadRow]) -> HttpResponse:
    """The rows as markup for the script; the status is that of the first: of the only file that was
    sent, or of the case that many were made into.
    """
    outcome = rows[0].receipt.outcome
    is_full = is_disk_full([row.receipt for row in rows])
    status = DISK_FULL_STATUS if is_full else STATUS_OF_OUTCOME[outcome]
    response = render(request, "intake/parts/upload_rows.html", {"uploads": rows}, status=status)
    response[OUTCOME_HEADER] = str(outcome)
    return response


def _page(
    request: PageRequest, form: UploadForm, *, rows: list[UploadRow] | None = None, status: int = 200
) -> HttpResponse:
    context = {
        "form": form,
        "uploads": rows or [],
        "has_pending": any(entry.row and entry.row.is_pending for entry in rows or []),
        "accept": accept_attribute(),
        "formats": ", ".join(entry.label for entry in FORMATS),
        "max_megabytes": settings.UPLOAD_MAX_BYTES // 2**20,
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "max_files": settings.UPLOAD_MAX_FILES,
        "max_request_bytes": settings.UPLOAD_MAX_REQUEST_BYTES,
        "max_images": min(settings.CASE_MAX_IMAGES, settings.UPLOAD_MAX_FILES),
    }
    return render(request, "intake/upload.html", context, status=status)
