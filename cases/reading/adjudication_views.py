"""The adjudicator's page of a disputed case: the readers side by side, and the decision."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases import disclosures
from cases.access import PageRequest, case_or_404, signed_in
from cases.analysis import results
from cases.classes import class_label
from cases.lifecycle import CaseState, DraftState, Shown
from cases.models import Case, Draft, FirstRead, Review
from cases.models.review import standing
from cases.reading import drafts
from cases.reading.adjudications import DecisionConflict, is_adjudicator, submit_decision
from cases.reading.forms import FirstReadForm
from cases.reading.keys import key_acts
from cases.reading.queries import own_draft
from cases.reading.read_input import from_draft, written_in
from cases.reading.shown_results import results_shown
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


@dataclass(frozen=True)
class Remark:
    """What a reader said with the answer in sight, or once the readers differed; by letter."""

    letter: str
    review: Review
    label: str


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def adjudication(request: PageRequest, code: str) -> HttpResponse:
    """The disputed case before its adjudicator; a POST decides it, so that it can still be undone."""
    case = case_or_404(request, code)
    if not is_adjudicator(request.user, case):
        raise PermissionDenied(_t("Only the adjudicator of this cohort decides where its readers differ."))
    if case.state != CaseState.DISPUTED:
        words = _t("This case waits for no adjudication.")
        messages.info(request, words, extra_tags=f"unsaved:adjudicate:{case.code}")
        # A browser without scripts has kept nothing of it.
        for typed in written_in(request.POST):
            messages.info(request, f"{_t('What you had written, to copy:')} {typed}")
        return redirect("cases:case", code=case.code)
    draft = own_draft(request.user, case)
    if request.method != "POST":
        return _page(request, case, draft, _form(initial=draft.fields if draft else None))
    drafts.finalise_of(by=request.user, but=case)
    form = _form(request.POST)
    if form.is_valid():
        try:
            submit_decision(by=request.user, case=case, read=form.read_input())
        except DecisionConflict as conflict:
            messages.warning(request, str(conflict), extra_tags=f"unsaved:adjudicate:{case.code}")
            return redirect("cases:adjudicate", code=case.code)
        except ValidationError as error:
            form.refuse(error)
        else:
            words = _t("Saved. You can undo it until you go on to another case.")
            messages.success(request, words, extra_tags=f"saved:adjudicate:{case.code}")
            return redirect("cases:adjudicate", code=case.code)
    return _page(request, case, draft, form)


def _form(data: QueryDict | None = None, *, initial: dict[str, Any] | None = None) -> FirstReadForm:
    form = FirstReadForm(data, initial=initial)
    form.fields["read_class"].label = _t("Which class is it?")
    return form


def _page(request: PageRequest, case: Case, draft: Draft | None, form: FirstReadForm) -> HttpResponse:
    """Nothing of the network is in it, also where the decision is submitted: it can still be undone."""
    shown = results.current_result(request.user, case)
    image = image_at(case, request.GET.get("image", ""), shown)
    sides = sides_of(case)
    submitted = draft if draft and draft.state == DraftState.PRELIMINARY else None
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
        "remarks": remarks_of(case, sides),
        "form": None if submitted else form,
        "decision": _decision(submitted) if submitted else None,
        "key_acts": key_acts(() if submitted else form.class_names),
    }
    if request.method != "HEAD":
        disclosures.record(to=request.user, cases=[case.pk], kinds=[Shown.PEERS])
    return render(request, "reading/adjudicate.html", context, status=422 if form.errors else 200)


def _decision(draft: Draft) -> dict[str, Any]:
    """What was submitted and can still be undone, as the page words it."""
    said = from_draft(draft.fields)
    return {"said": said, "label": class_label(said.read_class), "at": draft.updated_at}


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


def remarks_of(case: Case, sides: list[Side]) -> list[Remark]:
    """The later remarks on the case, which count for nothing, oldest first, each under a reader's letter."""
    letters = {side.review.reader_id: side.letter for side in sides}
    free = iter(ascii_uppercase[len(sides) :])
    said = Review.objects.filter(case=case, is_remark=True).order_by("created_at", "pk")
    return [
        Remark(
            letters.get(remark.reader_id) or letters.setdefault(remark.reader_id, next(free)),
            remark,
            class_label(remark.final_class),
        )
        for remark in said
    ]
