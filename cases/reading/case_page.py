"""All that the page of a case shows to one reader, at one stage of the reading.

Nothing here writes but what was shown (cases/disclosures.py), before it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _t

from cases import disclosures
from cases.access import PageRequest
from cases.analysis import results
from cases.analysis.views import analysis_of
from cases.blinding import is_held_back, may_see_statements, truth_lies_open
from cases.classes import known_classes
from cases.disclosures import Seen
from cases.lifecycle import READER_ONLY_CLASSES, CaseState, Shown
from cases.models import Case, Prediction, Review, SendingRule, Series
from cases.permissions import Action
from cases.reading.adjudications import is_adjudicator
from cases.reading.forms import AmendForm, FirstReadForm, ReviewForm, initial_of
from cases.reading.keys import key_acts
from cases.reading.protocols import terms_for
from cases.reading.queries import adjudication_of, own_draft, reviews_of
from cases.reading.read_input import read_of, written_in
from cases.reading.read_items import ReadItem, first_item, item_of, preliminary_item
from cases.reading.reviews import is_for_adjudicator
from cases.reading.shown_results import Bar, bars_of, is_withheld, numbers_shown, results_shown
from cases.reading.stage import Stage
from cases.translation import remarks_in_words, sentences
from cases.viewer.images import image_at
from cases.viewer.marks import MarkedRegion
from cases.viewer.placing import orientation_in_words, spacing_in_words
from cases.viewer.viewer import viewer_of
from cases.worklist import reading_queue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cases.models import Adjudication


@dataclass(frozen=True)
class OtherResult:
    """What another network version says of the same image, and the reviews of that."""

    prediction: Prediction
    bars: list[Bar]
    is_withheld: bool
    reviews: list[ReadItem]


def page(
    request: PageRequest,
    case: Case,
    *,
    stage: Stage,
    form: FirstReadForm | ReviewForm | None = None,
    prediction: Prediction | None = None,
    conflict: Review | None = None,
    newer: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page, at the reader's stage. `form` is one that was sent and not taken; `newer` are the words of
    one that came too late, since another window had gone on.
    """
    # In this order: a result that comes meanwhile is shown, or asked for by the panel of what is pending.
    analysis = analysis_of(request, case, stage.actions)
    has_result = stage.has_result or results.has_result(case)
    shown = prediction or results.current_result(request.user, case)
    image = image_at(case, request.GET.get("image", ""), shown)
    withheld = shown is not None and is_withheld(request, shown)
    labels = known_classes() | {code: str(label) for code, label in READER_ONLY_CLASSES.items()}
    lie_open = may_see_statements(request.user, case)
    decision = adjudication_of(case) if lie_open else None
    first = first_item(stage, labels)
    reading: dict[str, Any] = {
        "first_read": first,
        "first_form": _first_form(stage, form, labels) if has_result else None,
    }
    reading |= _reading(request, case, stage, shown, form, conflict, labels, lie_open=lie_open)
    by_image = results_shown(request, case, shown)
    regions = _regions(first, reading, decision.region if decision else None)
    seen = _shown_now(request, case, withheld=shown is None or withheld, reading=reading, decision=decision)
    # While a form is open, which case comes next is asked after the page is there (next_case_views.ahead).
    asked: FirstReadForm | ReviewForm | None = reading["form"] or reading["first_form"]
    is_told = lie_open and truth_lies_open(case) and bool(reading.get("history"))
    context: dict[str, Any] = {
        "case": case,
        "image": image,
        "notices": [*_remarks(case), *sentences(image.notices)],
        "orientation": orientation_in_words(image),
        "spacing": spacing_in_words(image),
        "analysis": analysis,
        "viewer": viewer_of(case, image, by_image, request.GET, key=shown, regions=regions),
        "is_withheld": withheld,
        "numbers_shown": numbers_shown(request),
        "may_read": Action.READ in stage.actions,
        "prediction": shown,
        "stage": stage,
        "key_acts": key_acts(asked.class_names if asked else ()),
        "may_review": stage.reader is not None,
        "has_result": has_result or shown is not None,
        "other_window": newer is not None,
        "newer": newer,
        "left_words": _left_words(request, case, stage),
        "has_next": stage.reader is not None
        and (asked is not None or reading_queue.next_case(request.user, case) is not None),
        "decision": decision,
        "decision_label": labels.get(decision.final_class, decision.final_class) if decision else "",
        "seen": seen,
        "is_held": shown is None and has_result and not stage.is_blind and is_held_back(request.user, case),
        "is_late": seen.knows_the_answer or (reading.get("is_amendment") and is_for_adjudicator(case)),
        "may_delete": Action.MANAGE in stage.actions,
        "may_export": is_told and Action.EXPORT in stage.actions,
        "may_send": is_told
        and Action.MANAGE in stage.actions
        and SendingRule.objects.filter(cohort=case.cohort_id).exists(),
        "adjudicates": case.state == CaseState.DISPUTED and is_adjudicator(request.user, case),
    } | reading
    return render(request, "reading/case.html", context, status=status)


def _left_words(request: PageRequest, case: Case, stage: Stage) -> list[str]:
    """What the user wrote in a draft for which the case has no form any more: others have filled it, or the
    user may not read it now.
    """
    if stage.reader is None:
        draft = own_draft(request.user, case)
        return written_in(draft.fields) if draft else []
    return written_in(stage.typed) if stage.taken else []


def _shown_now(
    request: PageRequest,
    case: Case,
    *,
    withheld: bool,
    reading: dict[str, Any],
    decision: Adjudication | None,
) -> Seen:
    """Write down what the page that is about to leave shows for the first time; what had been shown before.

    A HEAD shows nobody anything.
    """
    seen = disclosures.seen_by(request.user, case)
    shows = {
        Shown.NETWORK: not withheld,
        Shown.TRUTH: bool(reading.get("truth")),
        Shown.PEERS: decision is not None or any(not item.is_own for item in reading.get("history", [])),
    }
    new = [(case.pk, kind) for kind, is_shown in shows.items() if is_shown and kind not in seen.kinds]
    if request.method == "HEAD" or not new:
        return seen
    disclosures.record_new(to=request.user, shown=new)
    return disclosures.seen_by(request.user, case)


def _regions(
    first: ReadItem | None, reading: dict[str, Any], decided: dict[str, Any] | None
) -> list[MarkedRegion]:
    """The regions that the viewer shows: those of the reads that the page shows.

    What stands in an open form is drawn by the form's own tools.
    """
    said = []
    if first and first.said.region:
        said.append(MarkedRegion(_t("Your own read"), "1", first.said.region))
    items = {item.review_id: item for item in reading.get("history", [])}
    if own := reading["own"]:
        items[own.review_id] = own
    for item in items.values():
        is_kept = item.is_own and first and item.said.region == first.said.region
        if item.is_current and not is_kept:
            owner = _t("Your review") if item.is_own else str(item.reader)
            said.append(MarkedRegion(owner, str(len(said) + 1), item.said.region))
    if decided:
        said.append(MarkedRegion(_t("Adjudicated"), _t("A"), decided))
    return said


def _first_form(
    stage: Stage, form: FirstReadForm | ReviewForm | None, labels: Mapping[str, str]
) -> FirstReadForm | None:
    """The form of the own read: one that was sent, or a new one for who reads blind."""
    if isinstance(form, FirstReadForm):
        return form
    if not stage.is_blind or stage.taken:
        return None
    return FirstReadForm(initial=stage.typed, classes=labels)


def _reading(
    request: PageRequest,
    case: Case,
    stage: Stage,
    prediction: Prediction | None,
    form: FirstReadForm | ReviewForm | None,
    conflict: Review | None,
    labels: Mapping[str, str],
    *,
    lie_open: bool,
) -> dict[str, Any]:
    """What only readers see: the result, the reviews, and the form. Empty for anybody else.

    lie_open: whether what others said does.
    """
    if prediction is None:
        return {"form": None, "own": None}
    review_form = form if isinstance(form, ReviewForm) else None
    history = [item_of(request, review) for review in reviews_of(request.user, case, lie_open=lie_open)]
    # A reader whose every word is a remark has no other review to stand in the card.
    own = next((item for item in history if item.is_own and item.is_current), None) or next(
        (item for item in history if item.is_own), None
    )
    if own is None:
        own = preliminary_item(request, stage)
    if own is None and review_form is None and stage.reader is not None and not stage.taken:
        review_form = _new_form(request, stage, prediction)
    is_final = own is not None and not stage.is_preliminary
    return {
        "bars": bars_of(prediction),
        "others": _others(request, prediction, history),
        "history": history,
        # One's only review stands in its own card already.
        "shows_history": len(history) > 1 or (bool(history) and (own is None or review_form is not None)),
        "own": own,
        "truth": _truth(case, labels) if is_final and truth_lies_open(case) else None,
        "form": review_form,
        "is_amendment": isinstance(review_form, AmendForm),
        "conflict": item_of(request, conflict) if conflict else None,
    }


def _new_form(request: PageRequest, stage: Stage, prediction: Prediction) -> ReviewForm:
    """A form that keeps what the reader committed before the reveal, unless something else is typed."""
    blind = is_withheld(request, prediction)
    kept = {}
    if stage.first_read:
        committed = replace(read_of(stage.first_read), comment="", active_seconds=None)
        kept = initial_of(committed, prediction, is_blind=blind)
    return ReviewForm(
        of=prediction, is_blind=blind, initial=kept | stage.typed, committed=stage.committed_class
    )


def _others(request: PageRequest, shown: Prediction, history: list[ReadItem]) -> list[OtherResult]:
    """The results of the other versions, the newest network first.

    While the shown one is withheld so are they: a class of an older network would take its place.
    """
    others = results.other_results(request.user, shown)
    all_withheld = is_withheld(request, shown)
    return [
        OtherResult(
            found,
            bars_of(found),
            all_withheld or is_withheld(request, found),
            [item for item in history if item.prediction_id == found.pk],
        )
        for found in others
    ]


def _truth(case: Case, labels: Mapping[str, str]) -> dict[str, str] | None:
    """The known class of the case, where the protocol shows it; for who has finished the case only."""
    if not case.ground_truth or not terms_for(case).reveals_ground_truth:
        return None
    return {"code": case.ground_truth, "label": labels.get(case.ground_truth, case.ground_truth)}


def _remarks(case: Case) -> list[str]:
    """How a hospital's series was put together, such as that slices seem to be missing."""
    series = Series.objects.filter(case=case).only("remarks").first()
    return remarks_in_words(series.remarks) if series else []
