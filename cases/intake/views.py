"""Uploading: one endpoint for the plain form, and for the script that sends one file or one case at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from cases.access import PageRequest, case_or_404, sent_by_script, signed_in
from cases.intake import quarantine
from cases.intake.archives import Unpacked
from cases.intake.form_files import files_of
from cases.intake.forms import Grouping, UploadForm
from cases.intake.incoming.receiving import shown_on_a_page, uploads_of
from cases.intake.incoming.rows import shown
from cases.intake.names import natural_key
from cases.intake.receipts import Given, Outcome, Receipt, is_disk_full
from cases.intake.upload_rows import UploadRow, rows_of
from cases.intake.uploads import submit_series
from cases.models import Cohort
from cases.permissions import Action, may_anywhere
from inference.formats import FORMATS

# By this header the script knows an answer of this view from any other page,
# such as a proxy's error page.
OUTCOME_HEADER = "X-Upload-Outcome"

STATUS_OF_OUTCOME = {Outcome.RECEIVED: 201, Outcome.DUPLICATE: 200, Outcome.REFUSED: 422}
DISK_FULL_STATUS = 507


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
    is_one_case = form.cleaned_data["grouping"] == Grouping.ONE_CASE
    rows = _submitted(request, cohort, files, is_one_case, form.cleaned_data["volume"] or 0)
    if sent_by_script(request):
        return _rows_alone(request, rows)
    status = DISK_FULL_STATUS if is_disk_full([row.receipt for row in rows]) else 200
    return _page(request, form, rows=rows, status=status)


def _submitted(
    request: PageRequest, cohort: Cohort, files: Sequence[tuple[str, Given]], is_one_case: bool, volume: int
) -> list[UploadRow]:
    given = Unpacked(sorted(files, key=lambda file: natural_key(file[0])) if is_one_case else files)
    receipts = submit_series(
        by=request.user, cohort=cohort, files=given, is_one_case=is_one_case, volume=volume
    )
    return rows_of(request.user, zip(given.names, receipts, strict=True), is_one_case=is_one_case)


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
    incoming = [shown(request.user, upload) for upload in shown_on_a_page(uploads_of(request.user))]
    finished = [row for each in incoming for row in each.rows]
    context = {
        "form": form,
        "uploads": rows or [],
        "incoming": incoming,
        "has_pending": any(entry.row and entry.row.is_pending for entry in [*(rows or []), *finished]),
        "formats": ", ".join(entry.label for entry in FORMATS),
        "max_megabytes": settings.UPLOAD_MAX_BYTES // 2**20,
        "max_bytes": settings.UPLOAD_MAX_BYTES,
        "max_files": settings.UPLOAD_MAX_FILES,
        "max_request_bytes": settings.UPLOAD_MAX_REQUEST_BYTES,
        "piece_bytes": settings.UPLOAD_PIECE_MAX_BYTES,
        "max_pieces_bytes": settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE,
        "max_pieces_files": settings.UPLOAD_PIECES_MAX_FILES,
        "hours": settings.UPLOAD_PIECES_HOURS,
        "max_images": min(settings.CASE_MAX_IMAGES, settings.UPLOAD_MAX_FILES),
    }
    return render(request, "intake/upload.html", context, status=status)


@never_cache
@require_POST
@signed_in
def release(request: PageRequest, code: str) -> HttpResponse:
    """Let a case be seen whose pictures show no name, as the administrator says who has looked."""
    case = case_or_404(request, code)
    if quarantine.release(by=request.user, case=case):
        messages.success(request, _t("The case is out of quarantine."))
    return redirect("cases:case", code=case.code)
