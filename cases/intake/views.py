"""Uploading: one endpoint for the plain form, and for the script that sends one file or one case at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from natsort import natsort_keygen, ns

from cases.access import PageRequest, sent_by_script, signed_in
from cases.intake.forms import Grouping, UploadForm
from cases.intake.upload_handler import oversized_uploads
from cases.intake.uploads import Outcome, Receipt, refusal_of_oversized, submit_file, submit_series
from cases.models import Cohort
from cases.permissions import Action, may_anywhere
from cases.worklist.rows import Row, rows_by_code
from inference.formats import FORMATS, accept_attribute

# By this header the script knows an answer of this view from any other page,
# such as a proxy's error page.
OUTCOME_HEADER = "X-Upload-Outcome"

_by_number_and_word = natsort_keygen(alg=ns.IGNORECASE)
STATUS_OF_OUTCOME = {Outcome.RECEIVED: 201, Outcome.DUPLICATE: 200, Outcome.REFUSED: 422}


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
    files = request.FILES.getlist("files")
    oversized = oversized_uploads(request)
    if not files and not oversized:
        form.add_error(None, _t("Choose at least one file."))
    if not form.is_valid():
        return _refuse_form(request, form)
    cohort = form.cleaned_data["cohort"]
    rows = [UploadRow(name, refusal_of_oversized(), None) for name in oversized]
    if form.cleaned_data["grouping"] == Grouping.ONE_CASE:
        rows = _submit_as_one(request, cohort, files) + rows
    else:
        rows += [_submit(request, cohort, file) for file in files]
    if sent_by_script(request):
        return _rows_alone(request, rows)
    return _page(request, form, rows=rows)


def _submit(request: PageRequest, cohort: Cohort, file: File[bytes]) -> UploadRow:
    receipt = submit_file(by=request.user, cohort=cohort, file=file)
    return UploadRow(_name_of(file), receipt, _row_of(request, receipt))


def natural_key(name: str) -> tuple[Any, str]:
    """A key to sort file names by as people mean it: slice2 before slice10, whatever the case of letters. Of
    names that are alike so far, the plain text decides.
    """
    return _by_number_and_word(name), name


def _submit_as_one(request: PageRequest, cohort: Cohort, files: Sequence[File[bytes]]) -> list[UploadRow]:
    """One row for the case, then one for each file that is no part of it."""
    ordered = sorted(files, key=lambda file: natural_key(file.name or ""))
    receipts = submit_series(by=request.user, cohort=cohort, files=ordered)
    named = [(_name_of(file), receipt) for file, receipt in zip(ordered, receipts, strict=True)]
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


def _name_of(file: File[bytes]) -> str:
    return file.name or _t("Unnamed file")


def _row_of(request: PageRequest, receipt: Receipt) -> Row | None:
    found = rows_by_code(request.user, [receipt.case.code]) if receipt.case else []
    return found[0] if found else None


def _refuse_form(request: PageRequest, form: UploadForm) -> HttpResponse:
    """The form does not say enough to take anything in."""
    if not sent_by_script(request):
        return _page(request, form, status=422)
    sentence = " ".join(str(error) for errors in form.errors.values() for error in errors)
    names = oversized_uploads(request) + [file.name or "" for file in request.FILES.getlist("files")]
    receipt = Receipt(Outcome.REFUSED, None, "form_invalid", sentence)
    return _rows_alone(request, [UploadRow(name, receipt, None) for name in names or [""]])


def _rows_alone(request: PageRequest, rows: list[UploadRow]) -> HttpResponse:
    """The rows as markup for the script; the status is that of the first: of the only file that was
    sent, or of the case that many were made into.
    """
    outcome = rows[0].receipt.outcome
    response = render(
        request, "intake/parts/upload_rows.html", {"uploads": rows}, status=STATUS_OF_OUTCOME[outcome]
    )
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
