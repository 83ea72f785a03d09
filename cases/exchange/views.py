"""The page of what was sent to archives, for the cohort's study administrators, and its buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from cases.access import PageRequest, case_or_404, signed_in
from cases.cohorts import chosen_cohort, known_cohorts
from cases.exchange.destinations import DestinationError, destinations
from cases.exchange.sendings import NothingToSend, choose_rules, send_again, send_case
from cases.exchange.words import answer_in_words
from cases.intake.originals import can_be_kept, choose_originals
from cases.lifecycle import SendingMoment
from cases.models import Cohort, Sending, SendingRule
from cases.permissions import Action, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cases.exchange.destinations import Destination

A_PAGE = 50
NEVER = "never"


@never_cache
@require_safe
@signed_in
def sendings(request: PageRequest) -> HttpResponse:
    """Where the cohort's cases go, and what was sent, the newest first; of one case alone with ?case=."""
    managed, cohort = chosen_cohort(request.user, request.GET.get("cohort", ""))
    found = Sending.objects.filter(cohort=cohort).select_related("case", "asked_by")
    code = request.GET.get("case", "").upper()
    if code:
        found = found.filter(case__code=code)
    page = Paginator(found, A_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "cohorts": managed,
        "cohort": cohort,
        "code": code,
        "page": page,
        "rows": [{"sending": each, "answer": answer_in_words(each.answer)} for each in page],
        "choices": _choices(cohort),
        "can_keep_originals": can_be_kept(),
        "moments": [(NEVER, _t("Never")), *SendingMoment.choices],
    }
    return render(request, "exchange/sendings.html", context)


def _known() -> Mapping[str, Destination]:
    """The destinations of the settings; none where these cannot be used, which the worker's log says."""
    try:
        return destinations()
    except DestinationError:
        return {}


def _choices(cohort: Cohort) -> list[dict[str, Any]]:
    """What is chosen for each destination; those that the settings have no more, too."""
    known = _known()
    held = {rule.destination: rule.moment for rule in SendingRule.objects.filter(cohort=cohort)}
    names = [*known, *(name for name in held if name not in known)]
    return [
        {
            "name": name,
            "words": known[name].words if name in known else name,
            "is_known": name in known,
            "moment": held.get(name, NEVER),
        }
        for name in names
    ]


@require_POST
@signed_in
def rules(request: PageRequest) -> HttpResponse:
    """Set when the cohort's cases are sent to each destination."""
    _, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    given = {
        choice["name"]: request.POST.get(f"moment-{choice['name']}", choice["moment"])
        for choice in _choices(cohort)
    }
    if not all(value in (NEVER, *SendingMoment.values) for value in given.values()):
        messages.error(request, _t("Choose one of the moments in the list."))
        return _back_to(cohort)
    moments = {name: None if value == NEVER else SendingMoment(value) for name, value in given.items()}
    if choose_rules(by=request.user, cohort=cohort, moments=moments):
        messages.success(request, _t("Changed. It holds from now on."))
    return _back_to(cohort)


@require_POST
@signed_in
def originals(request: PageRequest) -> HttpResponse:
    """Say whether the cohort keeps what names the originals of its pictures."""
    _, cohort = chosen_cohort(request.user, request.POST.get("cohort", ""))
    keeps = request.POST.get("keeps") == "yes"
    try:
        if choose_originals(by=request.user, cohort=cohort, keeps=keeps):
            messages.success(request, _t("Changed. It holds from now on."))
    except ValidationError as refused:
        messages.error(request, refused.messages[0])
    return _back_to(cohort)


@require_POST
@signed_in
def send(request: PageRequest) -> HttpResponse:
    """Ask for a case to be sent to all destinations of its cohort."""
    case = case_or_404(request, request.POST.get("case", ""))
    try:
        asked = send_case(by=request.user, case=case)
    except NothingToSend:
        messages.error(request, _nothing())
    else:
        names = ", ".join(each.destination for each in asked)
        messages.success(
            request, _t("It is being sent to %(names)s. This page says what became of it.") % {"names": names}
        )
    return _back_to(case.cohort, case.code)


@require_POST
@signed_in
def again(request: PageRequest, sending_id: UUID) -> HttpResponse:
    """Ask for a case to be sent once more, as it is now."""
    found = Sending.objects.select_related("case__cohort", "cohort")
    sending = get_object_or_404(found, pk=sending_id, cohort__in=known_cohorts(request.user))
    require(request.user, Action.MANAGE, sending.cohort)
    try:
        send_again(by=request.user, sending=sending)
        messages.success(request, _t("It is being sent again."))
    except NothingToSend:
        messages.error(request, _nothing())
    return _back_to(sending.cohort)


def _nothing() -> str:
    return _t("There is nothing to send: the case is not over, nobody has read it, or it is sent nowhere.")


def _back_to(cohort: Cohort, code: str = "") -> HttpResponse:
    of_case = f"&case={code}" if code else ""
    return redirect(f"{reverse('exchange:sendings')}?cohort={cohort.pk}{of_case}")
