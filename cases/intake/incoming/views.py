"""Uploads in pieces on the upload page: how far each is, the word that makes its cases, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cases.access import PageRequest, sent_by_script, signed_in
from cases.intake.incoming import proposals, receiving
from cases.intake.incoming.rows import shown
from cases.intake.incoming.working import wake_on_commit
from cases.lifecycle import IllegalTransition
from cases.models import IncomingUpload
from cases.permissions import Action, cohorts_where
from cases.request_context import looks_at

if TYPE_CHECKING:
    from uuid import UUID

# The names of a form's boxes: a proposed case that is ticked is made.
FIELD = "case"


@never_cache
@require_safe
@signed_in
def incoming(request: PageRequest, upload_id: UUID) -> HttpResponse:
    """How far one's own upload is, and what would become of it: its row, for a script."""
    return _answer(request, _own(request, upload_id))


@never_cache
@require_POST
@signed_in
def create(request: PageRequest, upload_id: UUID) -> HttpResponse:
    """Have the cases made that are ticked."""
    upload = _own(request, upload_id)
    wanted = set(request.POST.getlist(FIELD))
    proposed = [each.key for each in proposals.preview_told(upload).cases]
    if not wanted & set(proposed):
        if upload.folder:
            return _answer(request, upload, error=_t("Choose at least one case, or import nothing."))
        return _answer(request, upload, error=_t("Choose at least one case, or throw the upload away."))
    try:
        with transaction.atomic():
            left_out = [key for key in proposed if key not in wanted]
            receiving.confirm(by=request.user, upload=upload, left_out=left_out)
            wake_on_commit(upload)
    except IllegalTransition:
        upload.refresh_from_db()  # confirmed in another window
    return _answer(request, upload)


@never_cache
@require_POST
@signed_in
def discard(request: PageRequest, upload_id: UUID) -> HttpResponse:
    """Throw one's own upload away; cases that were made of it stay."""
    upload = _own(request, upload_id)
    try:
        receiving.discard(by=request.user, upload=upload)
    except IllegalTransition:
        return _answer(request, upload)
    return HttpResponse() if sent_by_script(request) else redirect(_page_of(upload))


def _own(request: PageRequest, upload_id: UUID) -> IncomingUpload:
    own = receiving.uploads_of(request.user)
    imports = receiving.imports_of(request.user, cohorts_where(request.user, Action.MANAGE))
    upload = (own | imports).filter(pk=upload_id).first()
    if upload is None:
        raise Http404
    looks_at(upload.cohort_id)
    return upload


def _page_of(upload: IncomingUpload) -> str:
    """The page that shows it."""
    if upload.folder:
        return f"{reverse('setup:import')}?cohort={upload.cohort_id}"
    return reverse("cases:upload")


def _answer(request: PageRequest, upload: IncomingUpload, error: str = "") -> HttpResponse:
    """The row for a script; else the page that shows it."""
    if not sent_by_script(request):
        if error:
            messages.error(request, error)
        return redirect(_page_of(upload))
    row = {"each": shown(request.user, upload), "error": error}
    return render(request, "intake/parts/incoming_row.html", row)
