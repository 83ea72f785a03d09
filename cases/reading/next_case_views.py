"""On to the next case: the one that waits for the reader, and the one that waits for the adjudicator."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from cases.access import PageRequest, case_or_404, existing_images, has_more_to_do, lead_to, signed_in
from cases.analysis import results
from cases.reading import drafts
from cases.reading.claims import release_claim
from cases.worklist import reading_queue
from cases.worklist.reading_queue import awaiting_adjudication

if TYPE_CHECKING:
    from cases.models import Case


@never_cache
@require_safe
@signed_in
def ahead(request: PageRequest, code: str) -> HttpResponse:
    """Where the picture is at which the next case opens, to be fetched beforehand; empty where no other case
    waits. Nothing is claimed, so that somebody else may come before.
    """
    case = reading_queue.next_case(request.user, case_or_404(request, code))
    if case is None:
        return JsonResponse({})
    key = results.current_result(request.user, case)
    opens_at = key.image if key else existing_images().filter(case=case).order_by("position")[0]
    query = f"image={opens_at.position}&channel=grey"
    base, volume = (reverse(f"cases:{name}", args=[case.code]) for name in ("base", "base-nifti"))
    return JsonResponse({"picture": f"{base}?{query}", "volume": f"{volume}?{query}"})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def next_case(request: PageRequest) -> HttpResponseBase:
    """On to the case that waits longest for this reader, behind `after` (a code) if given.

    A POST is a reader who goes on: what was submitted until now becomes final, and the place in a case that
    was left unread is free. A GET only leads there. Behind a case that is out of reach by now it begins anew.
    """
    code = (request.POST if request.method == "POST" else request.GET).get("after", "")
    after = _still_there(request, code) if code else None
    if request.method == "POST":
        drafts.finalise_of(by=request.user)
        if after:
            release_claim(by=request.user, case=after)
    if case := reading_queue.next_case(request.user, after):
        if code and after is None:
            messages.info(request, _t("The case before is not there any more, or not yours to see."))
        return lead_to(request, reverse("cases:case", args=[case.code]))
    return _to_worklist(
        request, _t("No other case waits for your reading. New ones appear here once analysed.")
    )


def _still_there(request: PageRequest, code: str) -> Case | None:
    with suppress(Http404):
        return case_or_404(request, code)
    return None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def next_disputed(request: PageRequest) -> HttpResponseBase:
    """On to the disputed case that has waited longest for this adjudicator.

    A POST is an adjudicator who goes on: what was decided until now becomes final. A GET only leads there.
    """
    if request.method == "POST":
        drafts.finalise_of(by=request.user)
    if case := awaiting_adjudication(request.user).first():
        return lead_to(request, reverse("cases:adjudicate", args=[case.code]))
    return _to_worklist(request, _t("No case waits for your adjudication."))


def _to_worklist(request: PageRequest, sentence: str) -> HttpResponse:
    """There is no next case. Who asks by a script, to have it in the open page, comes again by GET and as a
    whole page: a message that the script's own request fetched would be lost.
    """
    if has_more_to_do(request):
        return HttpResponse(status=204)
    messages.info(request, sentence)
    return redirect("cases:worklist")
