"""All that the page of a case shows to one reader, at one stage of the reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext as _t

from cases.access import PageRequest
from cases.analysis import results
from cases.analysis.views import analysis_of
from cases.classes import known_classes
from cases.lifecycle import READER_ONLY_CLASSES, CaseState, DraftState, Reading
from cases.models import Adjudication, Case, Draft, FirstRead, Prediction, Review
from cases.permissions import Action, actions_in, may_read
from cases.reading.adjudications import is_adjudicator
from cases.reading.claims import SlotTaken, claim_case
from cases.reading.drafts import opinion_from
from cases.reading.forms import AmendForm, FirstReadForm, ReviewForm, kept_read
from cases.reading.keys import KEY_ACTS
from cases.reading.protocols import terms_for
from cases.reading.queries import adjudication_of, own_current_review, own_draft, own_first_read, reviews_of
from cases.reading.reviews import final_class_of
from cases.translation import sentences
from cases.viewer.images import image_at
from cases.viewer.marks import Statement
from cases.viewer.viewer import viewer_of
from cases.worklist import reading_queue


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
    """The probability of one class; `percent` for people, `value` for an attribute."""

    code: str
    label: str
    probability: float
    percent: str
    value: str
    is_predicted: bool


@dataclass(frozen=True)
class OtherResult:
    """What another network version says of the same image, and the reviews of that."""

    prediction: Prediction
    bars: list[Bar]
    is_withheld: bool
    reviews: list[ReviewItem]


@dataclass(frozen=True)
class Stage:
    """How far this reader is with this case.

    `actions`: all that the reader may do in the cohort. `is_blind`: no result may be shown yet. `holds`: a
    slot is this reader's. `taken`: others fill the case; `taken_until` is when that may end.
    """

    actions: frozenset[Action]
    may_read: bool
    is_blind: bool
    first_read: FirstRead | None
    draft: Draft | None
    holds: bool = False
    taken: bool = False
    taken_until: datetime | None = None

    @property
    def is_preliminary(self) -> bool:
        """Whether the reader has submitted, and can still undo it."""
        return self.draft is not None and self.draft.state == DraftState.PRELIMINARY

    @property
    def typed(self) -> dict[str, Any]:
        """What the reader has typed so far."""
        return self.draft.fields if self.draft else {}


def stage_of(request: PageRequest, case: Case) -> Stage:
    """The stage; a reader whom the case waits for takes a slot of it by opening the page.

    An administrator, who looks at cases for other reasons too, takes one only by saving a review; and a HEAD
    shows nobody anything.
    """
    reader = request.user
    actions = actions_in(reader, case.cohort)
    reads = may_read(reader, case)
    first = own_first_read(reader, case) if reads else None
    draft = own_draft(reader, case) if reads else None
    is_blind = reads and first is None and terms_for(case).reading == Reading.BLINDED
    is_done = draft is not None and draft.state == DraftState.PRELIMINARY
    if request.method == "HEAD" or Action.MANAGE in actions:
        return Stage(actions, reads, is_blind, first, draft)
    if not reads or is_done or own_current_review(reader, case) or not results.has_result(case):
        return Stage(actions, reads, is_blind, first, draft)
    try:
        claim_case(by=reader, case=case)
    except SlotTaken as full:
        return Stage(actions, reads, is_blind, first, draft, taken=True, taken_until=full.until)
    return Stage(actions, reads, is_blind, first, draft, holds=True)


def page(
    request: PageRequest,
    case: Case,
    *,
    stage: Stage | None = None,
    form: FirstReadForm | ReviewForm | None = None,
    prediction: Prediction | None = None,
    conflict: Review | None = None,
    newer: str | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, at the reader's stage. `form` is one that was sent and not taken; `newer` is the comment of
    one that came too late, since another window had gone on.
    """
    stage = stage or stage_of(request, case)
    # In this order: a result that comes meanwhile is shown, or asked for by the panel of what is pending.
    analysis = analysis_of(request, case, stage.actions)
    has_result = results.has_result(case)
    shown = prediction or results.current_result(request.user, case)
    image = image_at(case, request.GET.get("image", ""), shown)
    withheld = shown is not None and is_withheld(request, shown)
    decision = adjudication_of(request.user, case)
    reading = _reading(request, case, stage, shown, form, conflict)
    by_image = results_shown(request, case, shown)
    # While a form is open, which case comes next is asked after the page is there (worklist.ahead).
    is_open = bool(reading["form"] or reading["first_form"])
    context: dict[str, Any] = {
        "case": case,
        "image": image,
        "notices": sentences(image.notices),
        "analysis": analysis,
        "viewer": viewer_of(
            case, image, by_image, request.GET, key=shown, statements=_statements(stage, reading, decision)
        ),
        "is_withheld": withheld,
        "numbers_shown": numbers_shown(request),
        "may_read": Action.READ in stage.actions,
        "prediction": shown,
        "stage": stage,
        "key_acts": KEY_ACTS,
        "may_review": stage.may_read,
        "has_result": has_result or shown is not None,
        "other_window": newer is not None,
        "newer": newer,
        "has_next": stage.may_read and (is_open or reading_queue.next_case(request.user, case) is not None),
        "decision": decision,
        "decision_label": class_label(decision.final_class) if decision else "",
        "adjudicates": case.state == CaseState.DISPUTED and is_adjudicator(request.user, case),
    } | reading
    return render(request, "reading/case.html", context, status=status)


def _statements(stage: Stage, reading: dict[str, Any], decision: Adjudication | None) -> list[Statement]:
    """Whose regions the viewer shows: those of the statements that the page shows.

    What stands in an open form is drawn by the form's own tools.
    """
    said = []
    if stage.first_read and stage.first_read.region:
        said.append(Statement(_t("Your own read"), "1", stage.first_read.region))
    items = {item.review.pk: item for item in reading.get("history", [])}
    if own := reading["own"]:
        items[own.review.pk] = own
    for item in items.values():
        is_kept = item.is_own and stage.first_read and item.review.region == stage.first_read.region
        if item.is_current and not is_kept:
            owner = _t("Your review") if item.is_own else str(item.review.reader)
            said.append(Statement(owner, str(len(said) + 1), item.review.region))
    if decision:
        said.append(Statement(_t("Adjudicated"), _t("A"), decision.region))
    return said


def _reading(
    request: PageRequest,
    case: Case,
    stage: Stage,
    prediction: Prediction | None,
    form: FirstReadForm | ReviewForm | None,
    conflict: Review | None,
) -> dict[str, Any]:
    """What only readers see: the result, the reviews, and the form. Empty for anybody else."""
    first_form = form if isinstance(form, FirstReadForm) else None
    if stage.is_blind and not stage.taken and first_form is None and results.has_result(case):
        first_form = FirstReadForm(initial=stage.typed)
    nothing = {"form": None, "own": None, "first_form": first_form, "first_read": _first_item(stage)}
    if prediction is None:
        return nothing
    review_form = form if isinstance(form, ReviewForm) else None
    history = [item_of(request, review) for review in reviews_of(request.user, case)]
    own = next((item for item in history if item.is_own and item.is_current), None)
    if own is None and stage.is_preliminary:
        own = item_of(request, _preliminary(stage))
    if own is None and review_form is None and stage.may_read and not stage.taken:
        review_form = _new_form(request, stage, prediction)
    is_final = own is not None and not stage.is_preliminary
    return nothing | {
        "bars": bars_of(prediction),
        "others": _others(request, case, prediction, history),
        "history": history,
        # One's only review stands in its own card already.
        "shows_history": len(history) > 1 or (bool(history) and (own is None or review_form is not None)),
        "own": own,
        "truth": _truth(case) if is_final else None,
        "form": review_form,
        "is_amendment": isinstance(review_form, AmendForm),
        "conflict": item_of(request, conflict) if conflict else None,
    }


def _new_form(request: PageRequest, stage: Stage, prediction: Prediction) -> ReviewForm:
    blind = is_withheld(request, prediction)
    kept = kept_read(stage.first_read, prediction, is_blind=blind) if stage.first_read else {}
    return ReviewForm(of=prediction, is_blind=blind, initial=kept | stage.typed)


def _preliminary(stage: Stage) -> Review:
    """What was submitted, in the shape of the review that it will be."""
    draft = stage.draft
    if draft is None or draft.prediction is None:
        raise LookupError("Only a submitted draft looks like a review.")
    opinion = opinion_from(draft.fields)
    return Review(
        case=draft.case,
        prediction=draft.prediction,
        reader=draft.reader,
        verdict=opinion.verdict,
        final_class=final_class_of(draft.prediction, opinion),
        other_finding=opinion.other_finding,
        confidence=opinion.confidence,
        comment=opinion.comment,
        region=opinion.region,
        created_at=draft.updated_at,
    )


@dataclass(frozen=True)
class FirstItem:
    """What the reader committed, as the page words it."""

    read: FirstRead
    label: str


def _first_item(stage: Stage) -> FirstItem | None:
    if stage.first_read is None:
        return None
    return FirstItem(stage.first_read, class_label(stage.first_read.read_class))


def class_label(code: str) -> str:
    """A class as pages word it, those that no network knows too."""
    return str(READER_ONLY_CLASSES.get(code) or known_classes().get(code, code))


def item_of(request: PageRequest, review: Review) -> ReviewItem:
    """A review as the page words it."""
    labels = review.prediction.model_version.class_labels
    code = review.final_class
    return ReviewItem(
        review,
        str(READER_ONLY_CLASSES.get(code) or labels.get(code, code)),
        is_own=review.reader_id == request.user.pk,
        is_current=not hasattr(review, "amended_by"),
        shows_verdict=not is_withheld(request, review.prediction),
    )


def _others(
    request: PageRequest, case: Case, shown: Prediction, history: list[ReviewItem]
) -> list[OtherResult]:
    """The results of the other versions, the newest network first.

    While the shown one is withheld so are they: a class of an older network would take its place.
    """
    others = results.results_of(request.user, case).filter(image=shown.image).exclude(pk=shown.pk)
    all_withheld = is_withheld(request, shown)
    return [
        OtherResult(
            found,
            bars_of(found),
            all_withheld or is_withheld(request, found),
            [item for item in history if item.review.prediction_id == found.pk],
        )
        for found in others
    ]


def numbers_shown(request: PageRequest) -> bool:
    """Whether the reader asked for the numbers of a refused image all the same."""
    return "shown" in (request.GET.get("numbers"), request.POST.get("numbers"))


def is_withheld(request: PageRequest, prediction: Prediction) -> bool:
    """Whether class, probabilities and maps of a refused image stay off the page."""
    return prediction.is_refused and not numbers_shown(request)


def results_shown(request: PageRequest, case: Case, key: Prediction | None) -> dict[int, Prediction]:
    """What the viewer may lay over each picture, by position: results of the version of `key`, which stands
    for the case, and nothing while that is withheld.
    """
    if key is None or is_withheld(request, key):
        return {}
    if len(case.images.all()) == 1:
        return {key.image.position: key}
    found = results.results_by_image(request.user, case, key.model_version)
    return {position: result for position, result in found.items() if not is_withheld(request, result)}


def bars_of(prediction: Prediction) -> list[Bar]:
    """The probabilities in the network's order, so that a class always stands in the same place."""
    return [
        Bar(
            code,
            label,
            share,
            number_format(share * 100, decimal_pos=1),
            f"{share * 100:.1f}",
            code == prediction.predicted_class,
        )
        for code, label in prediction.model_version.class_labels.items()
        if (share := prediction.probabilities.get(code)) is not None
    ]


def _truth(case: Case) -> dict[str, str] | None:
    """The known class of the case, where the protocol shows it; for who has finished the case only."""
    if not case.ground_truth or not terms_for(case).reveals_ground_truth:
        return None
    return {"code": case.ground_truth, "label": class_label(case.ground_truth)}
