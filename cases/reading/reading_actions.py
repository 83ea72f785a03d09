"""What a reader does with the own reading beside giving it: keep, undo, finish; hold, leave, take over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from cases.access import PageRequest, case_or_404, signed_in
from cases.input_values import BoundedDecoder, count_in
from cases.lifecycle import DraftState
from cases.models import Draft
from cases.permissions import require_reader
from cases.reading import claims, drafts
from cases.reading.adjudications import is_adjudicator
from cases.reading.claims import SlotTaken, hold_claim, release_claim

# What a form of the case's page may hold beside its token, under the names of ReadInput's fields.
TYPED = (
    "verdict",
    "read_class",
    "other_finding",
    "confidence",
    "comment",
    "region",
    "active_seconds",
)


@never_cache
@require_POST
@signed_in
def draft(request: PageRequest, code: str) -> HttpResponse:
    """Keep what is typed; answers the new revision, or 409 with the one that another window has made."""
    case = case_or_404(request, code)
    reader = require_reader(request.user, case)
    try:
        kept = drafts.save_draft(
            reader=reader,
            fields=_typed(request),
            revision=count_in(request.POST.get("revision", "")),
        )
    except ValidationError as refused:
        return JsonResponse({"message": refused.messages[0]}, status=400)
    except drafts.DraftConflict as conflict:
        return JsonResponse({"message": str(conflict), **_newest(conflict.current)}, status=409)
    return JsonResponse({"revision": kept.revision})


def _newest(draft: Draft | None) -> dict[str, Any]:
    """What another save has made of the draft; it may be the page's own, whose answer never came."""
    if draft is None or draft.state != DraftState.DRAFT:
        return {}
    return {"revision": draft.revision, "fields": draft.fields}


def _typed(request: PageRequest) -> dict[str, Any]:
    """The fields as they are typed; a region is kept as what it says."""
    fields: dict[str, Any] = {name: request.POST[name] for name in TYPED if name in request.POST}
    if "corrected_class" in request.POST:
        fields["read_class"] = request.POST["corrected_class"]
    try:
        fields["region"] = json.loads(fields.get("region") or "null", cls=BoundedDecoder)
    except ValueError:
        fields["region"] = None
    return fields


@never_cache
@require_POST
@signed_in
def hold(request: PageRequest, code: str) -> HttpResponse:
    """Hold the reader's slot for longer, as an open page that is read does; answers until when, or 409 where
    there is none.
    """
    case = case_or_404(request, code)
    try:
        claim = hold_claim(reader=require_reader(request.user, case))
    except SlotTaken as taken:
        return JsonResponse({"message": str(taken)}, status=409)
    except ValidationError as moved:
        return JsonResponse({"message": moved.messages[0]}, status=409)
    if claim is None:
        return JsonResponse({"message": _t("You hold no slot of this case.")}, status=409)
    return JsonResponse({"held": claim.expires_at.isoformat()})


@never_cache
@require_POST
@signed_in
def leave(request: PageRequest, code: str) -> HttpResponse:
    """Free the slot of a case that is left unread: the way to the worklist, and what a page sends as it goes.

    The latter says until when it knows the slot to be held (`held`).
    """
    case = case_or_404(request, code)
    if "held" not in request.POST:
        release_claim(by=request.user, case=case)
        return redirect("cases:worklist")
    try:
        held = datetime.fromisoformat(request.POST["held"]).astimezone(UTC)
    except (ValueError, OverflowError):
        return HttpResponse(status=400)
    release_claim(by=request.user, case=case, held=held)
    return HttpResponse(status=204)


@never_cache
@require_POST
@signed_in
def take_over(request: PageRequest, code: str) -> HttpResponse:
    """Take the slot of somebody who reads the case just now."""
    case = case_or_404(request, code)
    try:
        claims.take_over(reader=require_reader(request.user, case))
    except SlotTaken as full:
        messages.warning(request, str(full))
    except ValidationError as moved:
        messages.warning(request, moved.messages[0])
    return redirect("cases:case", code=case.code)


@never_cache
@require_POST
@signed_in
def give_back(request: PageRequest, code: str) -> HttpResponse:
    """Give the slot back, unread."""
    case = case_or_404(request, code)
    release_claim(by=request.user, case=case)
    messages.info(request, _t("Case %(code)s is given back.") % {"code": case.code})
    return redirect("cases:worklist")


@never_cache
@require_POST
@signed_in
def undo(request: PageRequest, code: str) -> HttpResponse:
    """Make the submitted review, or decision, a draft again."""
    case = case_or_404(request, code)
    decides = is_adjudicator(request.user, case)
    try:
        drafts.undo(by=request.user, case=case)
    except drafts.DraftConflict:
        if decides:
            messages.warning(request, _t("This decision is final already."))
        else:
            messages.warning(request, _t("This review is final already. Amend it, with a reason."))
    else:
        messages.info(request, _t("Undone. What you said is in the form again."))
    return redirect("cases:adjudicate" if decides else "cases:case", code=case.code)


@never_cache
@require_POST
@signed_in
def finish(request: PageRequest, code: str) -> HttpResponse:
    """Make the submitted review, or decision, final now."""
    case = case_or_404(request, code)
    drafts.finalise_of(by=request.user)
    return redirect("cases:case", code=case.code)
