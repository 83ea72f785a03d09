"""The page of a case: the commit of a blinded read, the review, and its amendment."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases.access import PageRequest, case_or_404, not_ahead, signed_in
from cases.analysis import results
from cases.analysis.results import prediction_visible_to
from cases.models import Case, Prediction, Review
from cases.permissions import Action, Reader, require, require_reader
from cases.reading import drafts
from cases.reading.case_page import page
from cases.reading.claims import SlotTaken, take_over
from cases.reading.first_reads import FirstReadConflict, commit_first_read
from cases.reading.forms import AmendForm, FirstReadForm, ReviewForm, initial_of
from cases.reading.queries import own_current_review, own_first_read, own_reviews_of
from cases.reading.read_input import WRITTEN, read_of, written_in
from cases.reading.reviews import ReviewConflict, amend_review
from cases.reading.shown_results import is_withheld
from cases.reading.stage import Stage, stage_of, taken_by_others, with_slot


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@not_ahead
def case_page(request: PageRequest, code: str) -> HttpResponse:
    """The case; a POST is the reader's commit or review, as the stage has it.

    A reader whom the case waits for takes a slot of it by opening the page; a HEAD shows nobody anything.
    With a read of this case, what the reader has submitted of others becomes final.
    """
    case = case_or_404(request, code)
    stage = stage_of(request.user, case)
    if request.method != "POST":
        return page(request, case, stage=stage if request.method == "HEAD" else with_slot(stage))
    reader = stage.reader or require_reader(request.user, case)
    drafts.finalise_of(by=request.user, but=case)
    if "take_over" in request.POST:
        # Where the case is read meanwhile, saving says so.
        with suppress(SlotTaken, ValidationError):
            take_over(reader=reader)
    if stage.is_blind:
        return _commit(request, reader, stage)
    if "read_class" in request.POST:
        return page(request, case, stage=with_slot(stage), newer=_typed_words(request), status=409)
    return _submit(request, reader, stage)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def amend(request: PageRequest, code: str) -> HttpResponse:
    """The case with a form for a new review in the place of the reader's own; a POST stores it."""
    case = case_or_404(request, code)
    require(request.user, Action.REVIEW, case.cohort)
    own = own_current_review(request.user, case)
    if own is None:
        return redirect("cases:case", code=case.code)
    if request.method == "POST":
        return _amend(request, case)
    is_blind = is_withheld(request, own.prediction)
    said = initial_of(read_of(own), own.prediction, is_blind=is_blind)
    form = AmendForm(
        of=own.prediction,
        is_blind=is_blind,
        initial=said | {"amends": own.pk},
        committed=_committed(request, case),
    )
    return _amend_page(request, case, form, own.prediction)


def _amend_page(
    request: PageRequest,
    case: Case,
    form: AmendForm,
    prediction: Prediction,
    conflict: Review | None = None,
    status: int = 200,
) -> HttpResponse:
    """Who amends has read the case, so that no slot is taken."""
    stage = stage_of(request.user, case)
    return page(
        request, case, stage=stage, form=form, prediction=prediction, conflict=conflict, status=status
    )


def _commit(request: PageRequest, reader: Reader, stage: Stage) -> HttpResponse:
    """Lock the own read; the page that follows shows the result."""
    case = reader.case
    if not results.has_result(case):
        messages.error(request, _t("This case has no result yet that could be reviewed."))
        return redirect("cases:case", code=case.code)
    form = FirstReadForm(request.POST)
    if form.is_valid():
        try:
            commit_first_read(reader=reader, read=form.read_input())
        except ValidationError as error:
            form.refuse(error)
        except FirstReadConflict:
            newest = stage_of(request.user, case)
            return page(request, case, stage=newest, newer=_typed_words(request), status=409)
        except SlotTaken as full:
            return _taken(request, case, stage, full, form)
        else:
            return _saved(request, case, _t("Your read is locked. Now compare it with the network's result."))
    return page(request, case, stage=with_slot(stage), form=form, status=422)


def _taken(
    request: PageRequest,
    case: Case,
    stage: Stage,
    full: SlotTaken,
    form: FirstReadForm | ReviewForm,
    prediction: Prediction | None = None,
) -> HttpResponse:
    """Others have filled the case meanwhile: the form comes back with all that was typed."""
    words = _t("Nothing is saved. %(reason)s What you typed is still below.") % {"reason": full}
    form.add_error(None, words)
    stage = taken_by_others(stage, full)
    return page(request, case, stage=stage, form=form, prediction=prediction, status=409)


def _submit(request: PageRequest, reader: Reader, stage: Stage) -> HttpResponse:
    case = reader.case
    seen = _posted_prediction(request, case)
    prediction = seen or results.current_result(request.user, case)
    if prediction is None:
        messages.error(request, _t("This case has no result yet that could be reviewed."))
        return redirect("cases:case", code=case.code)
    form = ReviewForm(
        request.POST,
        of=prediction,
        is_blind=is_withheld(request, prediction),
        committed=stage.committed_class,
    )
    if seen is None:
        form.add_error(None, _t("The result on this page is not the case's own. Look again, then save."))
    if form.is_valid():
        try:
            drafts.submit_preliminary(reader=reader, prediction=prediction, read=form.read_input())
        except ValidationError as error:
            form.refuse(error)
        except ReviewConflict as conflict:
            return _conflict(request, case, conflict.current)
        except SlotTaken as full:
            return _taken(request, case, stage, full, form, prediction)
        except drafts.DraftConflict:
            newest = stage_of(request.user, case)
            return page(request, case, stage=newest, newer=_typed_words(request), status=409)
        else:
            return _saved(request, case, _t("Saved. You can undo it until you go on to another case."))
    return page(request, case, stage=with_slot(stage), form=form, prediction=prediction, status=422)


def _typed_words(request: PageRequest) -> list[str]:
    """What was written in a form that came second, so that no words are lost."""
    return written_in(request.POST)


def _amend(request: PageRequest, case: Case) -> HttpResponse:
    amended = _own_review(request, case)
    is_blind = is_withheld(request, amended.prediction)
    committed = _committed(request, case)
    form = AmendForm(request.POST, of=amended.prediction, is_blind=is_blind, committed=committed)
    if form.is_valid():
        try:
            given = amend_review(
                by=request.user, review=amended, read=form.read_input(), reason=form.cleaned_data["reason"]
            )
        except ValidationError as error:
            form.refuse(error)
        except ReviewConflict as conflict:
            return _conflict(request, case, conflict.current)
        else:
            return _saved(request, case, _words_for(given), f"saved:amend:{case.code}")
    return _amend_page(request, case, form, amended.prediction, status=422)


def _committed(request: PageRequest, case: Case) -> str:
    """The class of the own first read; empty without one."""
    first = own_first_read(request.user, case)
    return first.read_class if first else ""


def _words_for(amendment: Review) -> str:
    if amendment.is_remark:
        return _t("Your later remark is saved, below. Your review stays as you gave it.")
    return _t("Your amended review is saved. The earlier one stays below.")


def _saved(request: PageRequest, case: Case, sentence: str, drafts_of: str = "") -> HttpResponse:
    """On to the case, whose page shows what is stored of a reading; `drafts_of` says so of anything else."""
    messages.success(request, sentence, extra_tags=drafts_of)
    return redirect("cases:case", code=case.code)


def _conflict(request: PageRequest, case: Case, current: Review) -> HttpResponse:
    """Another window was first: show its review, and keep what was typed in a form that amends it."""
    names = ("verdict", "corrected_class", *WRITTEN, "confidence", "reason")
    typed: dict[str, Any] = {name: request.POST.get(name, "") for name in names}
    is_blind = is_withheld(request, current.prediction)
    form = AmendForm(
        of=current.prediction,
        is_blind=is_blind,
        initial=typed | {"amends": current.pk},
        committed=_committed(request, case),
    )
    return _amend_page(request, case, form, current.prediction, conflict=current, status=409)


def _posted_prediction(request: PageRequest, case: Case) -> Prediction | None:
    """The result that the reader had on the page; None unless it is one of this case."""
    try:
        return prediction_visible_to(request.user, case, request.POST.get("prediction", ""))
    except (Prediction.DoesNotExist, ValidationError):
        return None


def _own_review(request: PageRequest, case: Case) -> Review:
    """The reader's own review that the form amends; 404 where there is none such."""
    own = own_reviews_of(request.user, case).select_related("reader", "prediction", "amended_by")
    try:
        return own.get(pk=request.POST.get("amends", ""))
    except (Review.DoesNotExist, ValidationError):
        raise Http404 from None
