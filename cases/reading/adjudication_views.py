"""The adjudicator's page of a disputed case: the readers side by side, and the decision."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases import disclosures
from cases.access import PageRequest, case_or_404, signed_in
from cases.analysis import results
from cases.classes import class_label
from cases.lifecycle import CaseState, Shown
from cases.models import Case, FirstRead, Review
from cases.models.review import standing
from cases.reading.adjudications import adjudicate, is_adjudicator
from cases.reading.case_page import results_shown
from cases.reading.forms import FirstReadForm
from cases.reading.keys import KEY_ACTS
from cases.viewer.images import image_at
from cases.viewer.marks import MarkedRegion
from cases.viewer.viewer import viewer_of


@dataclass(frozen=True)
class Side:
    """What one reader of the case said, under a letter instead of a name.

    The verdict is left out: of a reader's class and an “agree” the network's class follows.
    """

    letter: str
    review: Review
    label: str
    first: FirstRead | None
    first_label: str


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def adjudication(request: PageRequest, code: str) -> HttpResponse:
    """The disputed case before its adjudicator; a POST decides it."""
    case = case_or_404(request, code)
    if not is_adjudicator(request.user, case):
        raise PermissionDenied(_t("Only the adjudicator of this cohort decides where its readers differ."))
    if case.state != CaseState.DISPUTED:
        words = _t("This case waits for no adjudication.")
        messages.info(request, words, extra_tags=f"unsaved:adjudicate:{case.code}")
        return redirect("cases:case", code=case.code)
    form = FirstReadForm(request.POST if request.method == "POST" else None)
    form.fields["read_class"].label = _t("Which class is it?")
    if request.method == "POST" and form.is_valid():
        try:
            adjudicate(by=request.user, case=case, read=form.read_input())
        except ValidationError as error:
            form.add_error(None, error)
        else:
            words = _t("Your decision stands. The network's result is shown beside it.")
            messages.success(request, words, extra_tags=f"saved:adjudicate:{case.code}")
            return redirect("cases:case", code=case.code)
    shown = results.current_result(request.user, case)
    image = image_at(case, request.GET.get("image", ""), shown)
    sides = sides_of(case)
    context = {
        "case": case,
        "image": image,
        "prediction": None,
        "is_withheld": True,
        "numbers_shown": False,
        "viewer": viewer_of(
            case,
            image,
            results_shown(request, case, shown),
            request.GET,
            key=shown,
            regions=_regions(sides),
        ),
        "sides": sides,
        "form": form,
        "key_acts": KEY_ACTS,
    }
    if request.method != "HEAD":
        disclosures.record(to=request.user, cases=[case.pk], kinds=[Shown.PEERS])
    return render(request, "reading/adjudicate.html", context, status=422 if form.errors else 200)


def _regions(sides: list[Side]) -> list[MarkedRegion]:
    """The readers' regions, under their letters."""
    said = []
    for side in sides:
        owner = _t("Reader %(letter)s") % {"letter": side.letter}
        said.append(MarkedRegion(owner, side.letter, side.review.region))
        if side.first and side.first.region != side.review.region:
            before = _t("Reader %(letter)s, before the reveal") % {"letter": side.letter}
            said.append(MarkedRegion(before, side.letter, side.first.region))
    return said


def sides_of(case: Case) -> list[Side]:
    """The readers' standing statements, in an order that tells nothing of who was first."""
    reviews = Review.objects.filter(standing(), case=case).order_by("pk")
    first_reads = {first.reader_id: first for first in FirstRead.objects.filter(case=case)}
    return [
        Side(
            letter,
            review,
            class_label(review.final_class),
            first := first_reads.get(review.reader_id),
            class_label(first.read_class) if first else "",
        )
        for letter, review in zip(ascii_uppercase, reviews, strict=False)
    ]
