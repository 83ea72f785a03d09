"""Teaching mode: draw a case, read it, then see what the network says and what is known."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cases import disclosures
from cases.access import PageRequest, case_or_404, signed_in
from cases.classes import class_label, known_classes
from cases.input_values import count_in
from cases.lifecycle import Shown
from cases.models import Case, Cohort, TeachingRead
from cases.reading.forms import confidence_field
from cases.reading.keys import key_acts
from cases.reading.shown_results import bars_of, is_withheld, numbers_shown, results_shown
from cases.teaching import queries
from cases.teaching.answers import answer, start_afresh
from cases.viewer.images import image_at
from cases.viewer.viewer import viewer_of


class TeachingForm(forms.Form):
    """What the reader says of a drawn case."""

    read_class = forms.ChoiceField(
        label=_("Which class do you see?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Say which class you see.")},
    )
    confidence = confidence_field()

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        cast("forms.ChoiceField", self.fields["read_class"]).choices = list(known_classes().items())


@never_cache
@require_safe
@signed_in
def start(request: PageRequest) -> HttpResponse:
    """The cohorts that can be practised on, each with the running score."""
    cohorts = [
        {"cohort": cohort, "score": queries.score_of(request.user, cohort)}
        for cohort in queries.teaching_cohorts(request.user)
    ]
    return render(request, "teaching/start.html", {"cohorts": cohorts})


@never_cache
@require_safe
@signed_in
def draw(request: PageRequest, cohort_id: UUID) -> HttpResponse:
    """On to a random case of the cohort, another one than `?after=CODE`."""
    cohort = _cohort_or_404(request, cohort_id)
    after = request.GET.get("after", "")
    before = case_or_404(request, after) if after else None
    if case := queries.drawn_case(request.user, cohort, before):
        address = reverse("cases:teaching-case", args=[case.code])
        answered = queries.answers_of(request.user, case).count()
        return redirect(f"{address}?before={answered}" if answered else address)
    return render(request, "teaching/empty.html", {"cohort": cohort})


@never_cache
@require_POST
@signed_in
def restart(request: PageRequest, cohort_id: UUID) -> HttpResponse:
    """Begin the score of the cohort again, by deleting the own answers."""
    cohort = _cohort_or_404(request, cohort_id)
    count = start_afresh(by=request.user, cohort=cohort)
    said = ngettext(
        "%(count)d answer is deleted. The score begins again.",
        "%(count)d answers are deleted. The score begins again.",
        count,
    )
    messages.success(request, said % {"count": count})
    return redirect("cases:teaching")


def _cohort_or_404(request: PageRequest, cohort_id: UUID) -> Cohort:
    try:
        return queries.teaching_cohorts(request.user).get(pk=cohort_id)
    except Cohort.DoesNotExist:
        raise Http404 from None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def case(request: PageRequest, code: str) -> HttpResponse:
    """A drawn case: the picture and the question, or (`?read=ID`) the answer beside result and truth.

    `before` says which draw of the case it is: how many answers went before it.
    """
    drawn = case_or_404(request, code)
    if not queries.teaching_cases(request.user).filter(pk=drawn.pk).exists():
        raise Http404
    read_id = request.GET.get("read", "")
    if read_id and request.method != "POST":
        return _page(request, drawn, read=_own_read(request, drawn, read_id))
    if read := queries.answer_of_draw(request.user, drawn, _before(request)):
        messages.info(request, _t("You have answered this draw already; that answer is the one that counts."))
        return _revealed(drawn, read)
    if request.method == "POST":
        return _answer(request, drawn)
    return _page(request, drawn, form=TeachingForm())


def _before(request: PageRequest) -> int:
    given = request.POST if request.method == "POST" else request.GET
    return count_in(given.get("before", ""))


def _revealed(drawn: Case, read: TeachingRead) -> HttpResponse:
    return redirect(f"{reverse('cases:teaching-case', args=[drawn.code])}?read={read.pk}")


def _answer(request: PageRequest, drawn: Case) -> HttpResponse:
    form = TeachingForm(request.POST)
    if form.is_valid():
        try:
            read = answer(by=request.user, case=drawn, before=_before(request), **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            return _revealed(drawn, read)
    return _page(request, drawn, form=form, status=422)


def _own_read(request: PageRequest, drawn: Case, read_id: str) -> TeachingRead:
    try:
        return queries.own_teaching_read(request.user, drawn, UUID(read_id))
    except (ValueError, TeachingRead.DoesNotExist):
        raise Http404 from None


def _page(
    request: PageRequest,
    drawn: Case,
    *,
    form: TeachingForm | None = None,
    read: TeachingRead | None = None,
    status: int = 200,
) -> HttpResponse:
    """Without `read` nothing of the network and of the truth is in the page; with it, it is recorded."""
    shown = read.prediction if read else None
    image = image_at(drawn, request.GET.get("image", ""), shown)
    withheld = shown is not None and is_withheld(request, shown)
    if read and request.method != "HEAD":
        told = [Shown.TRUTH] if withheld else [Shown.NETWORK, Shown.TRUTH]
        disclosures.record(to=request.user, cases=[drawn.pk], kinds=told)
    context: dict[str, Any] = {
        "case": drawn,
        "image": image,
        "form": form,
        "before": _before(request),
        "read": read,
        "prediction": shown,
        "is_withheld": withheld,
        "numbers_shown": numbers_shown(request),
        "viewer": viewer_of(drawn, image, results_shown(request, drawn, shown), request.GET, key=shown),
        "bars": bars_of(shown) if shown else [],
        "truth": {"code": drawn.ground_truth, "label": class_label(drawn.ground_truth)} if read else None,
        "read_label": class_label(read.read_class) if read else "",
        "key_acts": key_acts(list(known_classes().values()) if form else ()),
        "score": queries.score_of(request.user, drawn.cohort),
    }
    return render(request, "teaching/case.html", context, status=status)
