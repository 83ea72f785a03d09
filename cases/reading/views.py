"""The page of a case: the commit of a blinded read, the review, and its amendment."""

from __future__ import annotations

from dataclasses import replace
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
from cases.permissions import Action, require, require_reader
from cases.reading import drafts
from cases.reading.case_page import Stage, is_withheld, page, stage_of
from cases.reading.claims import SlotTaken
from cases.reading.first_reads import FirstReadConflict, commit_first_read
from cases.reading.forms import AmendForm, FirstReadForm, ReviewForm, values_of
from cases.reading.queries import own_current_review, reviews_of
from cases.reading.reviews import ReviewConflict, amend_review


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
@not_ahead
def case_page(request: PageRequest, code: str) -> HttpResponse:
    """The case; a POST is the reader's commit or review, as the stage has it.

    Opening it makes final what the reader has submitted of other cases.
    """
    case = case_or_404(request, code)
    if request.method != "HEAD":
        drafts.finalise_of(by=request.user, but=case)
    if request.method != "POST":
        return page(request, case)
    require_reader(request.user, case)
    stage = stage_of(request, case)
    if stage.taken:
        return page(request, case, stage=stage, status=409)
    if stage.is_blind:
        return _commit(request, case, stage)
    if "read_class" in request.POST:
        return page(request, case, stage=stage, newer=_typed_words(request), status=409)
    return _submit(request, case, stage)


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
    form = AmendForm(of=own.prediction, is_blind=is_blind, initial=values_of(own, is_blind=is_blind))
    return page(request, case, form=form, prediction=own.prediction)


def _commit(request: PageRequest, case: Case, stage: Stage) -> HttpResponse:
    """Lock the own read; the page that follows shows the result."""
    if not results.has_result(case):
        messages.error(request, _t("This case has no result yet that could be reviewed."))
        return redirect("cases:case", code=case.code)
    form = FirstReadForm(request.POST)
    if form.is_valid():
        try:
            commit_first_read(by=request.user, case=case, statement=form.statement())
        except ValidationError as error:
            form.refuse(error)
        except (FirstReadConflict, SlotTaken) as refused:
            messages.warning(request, str(refused))
            return redirect("cases:case", code=case.code)
        else:
            return _saved(request, case, _t("Your read is locked. Now compare it with the network's result."))
    return page(request, case, stage=stage, form=form, status=422)


def _submit(request: PageRequest, case: Case, stage: Stage) -> HttpResponse:
    seen = _posted_prediction(request, case)
    prediction = seen or results.current_result(request.user, case)
    if prediction is None:
        messages.error(request, _t("This case has no result yet that could be reviewed."))
        return redirect("cases:case", code=case.code)
    form = ReviewForm(request.POST, of=prediction, is_blind=is_withheld(request, prediction))
    if seen is None:
        form.add_error(None, _t("The result on this page is not the case's own. Look again, then save."))
    if form.is_valid():
        try:
            drafts.submit_preliminary(
                by=request.user, case=case, prediction=prediction, opinion=form.opinion()
            )
        except ValidationError as error:
            form.refuse(error)
        except ReviewConflict as conflict:
            return _conflict(request, case, conflict.current)
        except SlotTaken as full:
            stage = replace(stage, taken=True, taken_until=full.until)
            return page(request, case, stage=stage, newer=_typed_words(request), status=409)
        except drafts.DraftConflict:
            return page(request, case, stage=stage_of(request, case), newer=_typed_words(request), status=409)
        else:
            return _saved(request, case, _t("Saved. You can undo it until you open another case."))
    return page(request, case, stage=stage, form=form, prediction=prediction, status=422)


def _typed_words(request: PageRequest) -> str:
    """The comment of a form that came second, so that no words are lost."""
    return request.POST.get("comment", "")


def _amend(request: PageRequest, case: Case) -> HttpResponse:
    amended = _own_review(request, case)
    is_blind = is_withheld(request, amended.prediction)
    form = AmendForm(request.POST, of=amended.prediction, is_blind=is_blind)
    if form.is_valid():
        try:
            amend_review(
                by=request.user, review=amended, opinion=form.opinion(), reason=form.cleaned_data["reason"]
            )
        except ValidationError as error:
            form.refuse(error)
        except ReviewConflict as conflict:
            return _conflict(request, case, conflict.current)
        else:
            return _saved(request, case, _t("Your amended review is saved. The earlier one stays below."))
    return page(request, case, form=form, prediction=amended.prediction, status=422)


def _saved(request: PageRequest, case: Case, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return redirect("cases:case", code=case.code)


def _conflict(request: PageRequest, case: Case, current: Review) -> HttpResponse:
    """Another window was first: show its review, and keep what was typed in a form that amends it."""
    names = ("verdict", "corrected_class", "other_finding", "confidence", "comment", "reason")
    typed: dict[str, Any] = {name: request.POST.get(name, "") for name in names}
    is_blind = is_withheld(request, current.prediction)
    form = AmendForm(of=current.prediction, is_blind=is_blind, initial=typed | {"amends": current.pk})
    return page(request, case, form=form, prediction=current.prediction, conflict=current, status=409)


def _posted_prediction(request: PageRequest, case: Case) -> Prediction | None:
    """The result that the reader had on the page; None unless it is one of this case."""
    try:
        return prediction_visible_to(request.user, case, request.POST.get("prediction", ""))
    except (Prediction.DoesNotExist, ValidationError):
        return None


def _own_review(request: PageRequest, case: Case) -> Review:
    """The reader's own review that the form amends; 404 where there is none such."""
    own = reviews_of(request.user, case).filter(reader=request.user)
    try:
        return own.get(pk=request.POST.get("amends", ""))
    except (Review.DoesNotExist, ValidationError):
        raise Http404 from None
