"""The page of a case: look, read what the network says, agree or disagree, amend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases import results, selectors, waiting
from cases.models import Case, Prediction, Review
from cases.pages.access import PageRequest, case_or_404, signed_in
from cases.pages.analysis import analysis_of
from cases.pages.forms import AmendForm, ReviewForm, values_of
from cases.pages.images import first_image
from cases.pages.viewer import viewer_of
from cases.pages.wording import sentences
from cases.permissions import Action, may, require
from cases.services.reviews import ReviewConflict, amend_review, submit_review


@dataclass(frozen=True)
class ReviewItem:
    """One review as the page words it."""

    review: Review
    label: str
    is_own: bool
    is_current: bool
    shows_verdict: bool


@dataclass(frozen=True)
class Bar:
    """The probability of one class."""

    code: str
    label: str
    probability: float
    percent: str
    is_predicted: bool


@dataclass(frozen=True)
class OtherResult:
    """What another network version says of the same image, and the reviews of that."""

    prediction: Prediction
    bars: list[Bar]
    is_withheld: bool
    reviews: list[ReviewItem]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def case_page(request: PageRequest, code: str) -> HttpResponse:
    """The case; a POST is the reader's first review of it."""
    case = case_or_404(request, code)
    if request.method == "POST":
        return _submit(request, case)
    return _page(request, case)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def amend(request: PageRequest, code: str) -> HttpResponse:
    """The case with a form for a new review in the place of the reader's own; a POST stores it."""
    case = case_or_404(request, code)
    require(request.user, Action.REVIEW, case.cohort)
    own = selectors.own_current_review(request.user, case)
    if own is None:
        return redirect("cases:case", code=case.code)
    if request.method == "POST":
        return _amend(request, case)
    is_blind = _is_withheld(request, own.prediction)
    form = AmendForm(of=own.prediction, is_blind=is_blind, initial=values_of(own, is_blind=is_blind))
    return _page(request, case, form=form, prediction=own.prediction)


def _submit(request: PageRequest, case: Case) -> HttpResponse:
    require(request.user, Action.REVIEW, case.cohort)
    seen = _posted_prediction(request, case)
    prediction = seen or results.current_result(request.user, case)
    if prediction is None:
        messages.error(request, _t("This case has no result yet that could be reviewed."))
        return redirect("cases:case", code=case.code)
    form = ReviewForm(request.POST, of=prediction, is_blind=_is_withheld(request, prediction))
    if seen is None:
        form.add_error(None, _t("The result on this page is not the case's own. Look again, then save."))
    if form.is_valid():
        try:
            submit_review(by=request.user, case=case, prediction=prediction, opinion=form.opinion())
        except ValidationError as error:
            form.refuse(error)
        except ReviewConflict as conflict:
            return _conflict(request, case, conflict.current)
        else:
            return _saved(request, case, _t("Your review is saved."))
    return _page(request, case, form=form, prediction=prediction, status=422)


def _amend(request: PageRequest, case: Case) -> HttpResponse:
    amended = _own_review(request, case)
    is_blind = _is_withheld(request, amended.prediction)
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
    return _page(request, case, form=form, prediction=amended.prediction, status=422)


def _saved(request: PageRequest, case: Case, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return redirect("cases:case", code=case.code)


def _conflict(request: PageRequest, case: Case, current: Review) -> HttpResponse:
    """Another window was first: show its review, and keep what was typed in a form that amends it."""
    typed = {name: request.POST.get(name, "") for name in ("verdict", "corrected_class", "confidence")}
    typed |= {"comment": request.POST.get("comment", ""), "reason": request.POST.get("reason", "")}
    is_blind = _is_withheld(request, current.prediction)
    form = AmendForm(of=current.prediction, is_blind=is_blind, initial=typed | {"amends": current.pk})
    return _page(request, case, form=form, prediction=current.prediction, conflict=current, status=409)


def _posted_prediction(request: PageRequest, case: Case) -> Prediction | None:
    """The result that the reader had on the page; None unless it is one of this case."""
    try:
        return selectors.prediction_visible_to(request.user, case, request.POST.get("prediction", ""))
    except (Prediction.DoesNotExist, ValidationError):
        return None


def _own_review(request: PageRequest, case: Case) -> Review:
    """The reader's own review that the form amends; 404 where there is none such."""
    own = selectors.reviews_of(request.user, case).filter(reader=request.user)
    try:
        return own.get(pk=request.POST.get("amends", ""))
    except (Review.DoesNotExist, ValidationError):
        raise Http404 from None


def _page(
    request: PageRequest,
    case: Case,
    *,
    form: ReviewForm | None = None,
    prediction: Prediction | None = None,
    conflict: Review | None = None,
    status: int = 200,
) -> HttpResponse:
    image = first_image(case)
    shown = prediction or results.current_result(request.user, case)
    withheld = shown is not None and _is_withheld(request, shown)
    may_review = may(request.user, Action.REVIEW, case.cohort)
    context: dict[str, Any] = {
        "case": case,
        "image": image,
        "notices": sentences(image.notices),
        "analysis": analysis_of(request, case),
        "viewer": viewer_of(case, image, None if withheld else shown, request.GET),
        "is_withheld": withheld,
        "numbers_shown": _numbers_shown(request),
        "may_read": may(request.user, Action.READ, case.cohort),
        "prediction": shown,
        "may_review": may_review,
        "has_next": may_review and waiting.next_case(request.user, case) is not None,
    } | _reading(request, case, shown, form, conflict)
    return render(request, "cases/case.html", context, status=status)


def _reading(
    request: PageRequest,
    case: Case,
    prediction: Prediction | None,
    form: ReviewForm | None,
    conflict: Review | None,
) -> dict[str, Any]:
    """What only readers see: the result, the reviews, and the form. Empty for anybody else."""
    if prediction is None:
        return {"form": None, "own": None}
    history = [_item(request, review) for review in selectors.reviews_of(request.user, case)]
    own = next((item for item in history if item.is_own and item.is_current), None)
    if own is None and form is None and may(request.user, Action.REVIEW, case.cohort):
        form = ReviewForm(of=prediction, is_blind=_is_withheld(request, prediction))
    return {
        "bars": _bars(prediction),
        "others": _others(request, case, prediction, history),
        "history": history,
        # One's only review stands in its own card already.
        "shows_history": len(history) > 1 or (bool(history) and (own is None or form is not None)),
        "own": own,
        "truth": _truth(case, prediction) if own else None,
        "form": form,
        "is_amendment": isinstance(form, AmendForm),
        "conflict": _item(request, conflict) if conflict else None,
    }


def _item(request: PageRequest, review: Review) -> ReviewItem:
    labels = review.prediction.model_version.class_labels
    return ReviewItem(
        review,
        labels.get(review.final_class, review.final_class),
        is_own=review.reader_id == request.user.pk,
        is_current=not hasattr(review, "amended_by"),
        shows_verdict=not _is_withheld(request, review.prediction),
    )


def _others(
    request: PageRequest, case: Case, shown: Prediction, history: list[ReviewItem]
) -> list[OtherResult]:
    """The results of the other versions, the newest network first.

    While the shown one is withheld so are they: a class of an older network would take its place.
    """
    others = results.results_of(request.user, case).filter(image=shown.image).exclude(pk=shown.pk)
    all_withheld = _is_withheld(request, shown)
    return [
        OtherResult(
            found,
            _bars(found),
            all_withheld or _is_withheld(request, found),
            [item for item in history if item.review.prediction_id == found.pk],
        )
        for found in others
    ]


def _numbers_shown(request: PageRequest) -> bool:
    """Whether the reader asked for the numbers of a refused image all the same."""
    return "shown" in (request.GET.get("numbers"), request.POST.get("numbers"))


def _is_withheld(request: PageRequest, prediction: Prediction) -> bool:
    """Whether class, probabilities and maps of a refused image stay off the page."""
    return prediction.is_refused and not _numbers_shown(request)


def _bars(prediction: Prediction) -> list[Bar]:
    """The probabilities in the network's order, so that a class always stands in the same place."""
    return [
        Bar(code, label, share, f"{share * 100:.1f}", code == prediction.predicted_class)
        for code, label in prediction.model_version.class_labels.items()
        if (share := prediction.probabilities.get(code)) is not None
    ]


def _truth(case: Case, prediction: Prediction) -> dict[str, str] | None:
    """The known class of the case; asked for only once the reader has given an own review."""
    if not case.ground_truth:
        return None
    labels = prediction.model_version.class_labels
    return {"code": case.ground_truth, "label": labels.get(case.ground_truth, case.ground_truth)}
