"""Acts on many cases: first the page that says what will happen, then the act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases.access import PageRequest, signed_in
from cases.classes import known_classes
from cases.cohorts import cohorts_of, readers_of
from cases.lifecycle import Priority
from cases.models import Assignment, Case, Cohort
from cases.permissions import Action
from cases.worklist import bulk_acts
from cases.worklist.bulk import MOST, Act, BulkPlan, carry_out, plan
from cases.worklist.filters import filtered_cases
from cases.worklist.forms import WorklistForm
from cases.worklist.moving import Move

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from cases.cohorts import CohortRights
    from portal.accounts.models import User

Make: TypeAlias = "Callable[[Any], Act]"


@dataclass(frozen=True)
class Offer:
    """An act as the page offers it; `target` is what it needs to know beside the cases."""

    name: str
    label: StrOrPromise
    make: Make
    target: str = ""


OFFERS = {
    offer.name: offer
    for offer in (
        Offer("assign", _("Give to a reader"), bulk_acts.Assign, "reader"),
        Offer("take-away", _("Take away from readers"), bulk_acts.TakeAway, "holder"),
        Offer(
            "priority",
            _("Set the priority"),
            lambda chosen: bulk_acts.SetPriority(Priority(int(chosen))),
            "priority",
        ),
        Offer("requeue", _("Analyse again what failed"), lambda _none: bulk_acts.Requeue()),
        Offer("move", _("Move to another cohort"), Move, "cohort"),
        Offer("close", _("Close"), lambda _none: bulk_acts.Close()),
    )
}


# Whom of the readers an act with these cases can concern, by what the act needs to know.
CONCERNED: dict[str, Callable[[QuerySet[Case], QuerySet[User]], Any]] = {
    "reader": bulk_acts.who_can_be_given,
    "holder": lambda cases, _readers: Assignment.objects.filter(case__in=cases).values("reader"),
}


class TargetForm(forms.Form):
    """What the act needs to know beside the cases."""

    def __init__(
        self, data: Any, *, offer: Offer, managed: Sequence[Cohort], cases: QuerySet[Case] | None = None
    ) -> None:
        """`cases`: those that were chosen; only whom the act can concern with one of them is offered."""
        super().__init__(data)
        readers = readers_of(managed)
        possible: dict[str, forms.Field] = {
            "reader": forms.ModelChoiceField(readers, label=_("Reader"), empty_label=_("Choose a reader")),
            "holder": forms.ModelChoiceField(
                readers, label=_("Reader"), required=False, empty_label=_("All readers who have them")
            ),
            "priority": forms.ChoiceField(label=_("Priority"), choices=Priority.choices),
            "cohort": forms.ModelChoiceField(
                Cohort.objects.filter(pk__in=[each.pk for each in managed], deleted_at__isnull=True),
                label=_("Cohort"),
                empty_label=_("Choose a cohort"),
            ),
        }
        # Under a name of its own: the filters of the worklist stand in the same address.
        if offer.target:
            self.fields["target"] = possible[offer.target]
        if cases is not None and offer.target in CONCERNED:
            target = cast("forms.ModelChoiceField[User]", self.fields["target"])
            target.queryset = readers.filter(pk__in=CONCERNED[offer.target](cases, readers))

    @property
    def offers_nobody(self) -> bool:
        """Whether there is a choice to make, and nobody to choose."""
        target = self.fields.get("target")
        if not isinstance(target, forms.ModelChoiceField) or target.queryset is None:
            return False
        return target.required and not target.queryset.exists()

    @property
    def chosen(self) -> Any:
        """What was chosen; None where the act asks for nothing, or for anybody."""
        return self.cleaned_data.get("target")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def bulk(request: PageRequest) -> HttpResponse:
    """Say what the act would do with the chosen cases, or do it with those that were confirmed."""
    rights = cohorts_of(request.user)
    managed = [held.cohort for held in rights if Action.MANAGE in held.actions]
    if not managed:
        raise PermissionDenied(_t("Only the administrator of a cohort acts on many cases at once."))
    given = request.POST if request.method == "POST" else request.GET
    offer = OFFERS.get(given.get("act", ""))
    if offer is None:
        messages.warning(request, _t("Choose first what is to be done with the cases."))
        return redirect("cases:worklist")
    is_chosen = "target" in given or not offer.target
    if request.method == "POST":
        form = TargetForm(given if is_chosen else None, offer=offer, managed=managed)
        return _done(request, offer, offer.make(form.chosen) if is_chosen and form.is_valid() else None)
    codes, is_too_many = _chosen_codes(request, rights, managed)
    chosen = Case.objects.filter(code__in=codes, cohort__in=managed)
    form = TargetForm(given if is_chosen else None, offer=offer, managed=managed, cases=chosen)
    act = offer.make(form.chosen) if is_chosen and form.is_valid() else None
    context = {
        "offer": offer,
        "form": form,
        "codes": codes,
        "is_too_many": is_too_many,
        "most": MOST,
        "kept": [
            (name, value) for name, values in request.GET.lists() if name != "target" for value in values
        ],
        "target": request.GET.get("target", ""),
        "plan": plan(by=request.user, act=act, codes=codes) if act and codes and not is_too_many else None,
        "back": _way_back(request.GET),
    }
    return render(request, "worklist/bulk.html", context)


def _chosen_codes(
    request: PageRequest, rights: Sequence[CohortRights], managed: Sequence[Cohort]
) -> tuple[list[str], bool]:
    """The codes of the ticked cases, or of all that fit the filters; and whether they are too many."""
    if "all" not in request.GET:
        codes = [code.upper() for code in request.GET.getlist("case")]
        return codes[:MOST], len(codes) > MOST
    form = WorklistForm(request.GET, rights=rights, classes=known_classes())
    cases = filtered_cases(request.user, form.filters()).filter(cohort__in=managed)
    codes = list(cases.values_list("code", flat=True)[: MOST + 1])
    return codes[:MOST], len(codes) > MOST


def _done(request: PageRequest, offer: Offer, act: Act | None) -> HttpResponse:
    """Carry the act out with the cases that were confirmed, and with no others."""
    back = redirect(_way_back(QueryDict(request.POST.get("back", ""))))
    if act is None:
        messages.warning(request, _t("What was chosen is not there any more. Nothing was changed."))
        return back
    codes = request.POST.get("codes", "").upper().split()
    try:
        done = carry_out(by=request.user, act=act, codes=codes)
    except IntegrityError:
        # An upload at the same moment brought an image to where this act was about to bring it.
        messages.warning(request, _t("Something changed at the same moment. Nothing was done; look again."))
        return back
    _tell(request, offer, done)
    return back


def _tell(request: PageRequest, offer: Offer, done: BulkPlan) -> None:
    number = len(done.cases)
    words = ngettext("%(act)s: done with %(n)d case.", "%(act)s: done with %(n)d cases.", number)
    level = messages.SUCCESS if number else messages.WARNING
    messages.add_message(request, level, words % {"act": offer.label, "n": number})
    for group in done.left_out:
        words = ngettext(
            "%(n)d case left as it is: %(why)s", "%(n)d cases left as they are: %(why)s", len(group.codes)
        )
        messages.warning(request, words % {"n": len(group.codes), "why": group.reason})


def _way_back(query: QueryDict) -> str:
    """The worklist as it was, without what only this page reads."""
    kept = query.copy()
    for name in ("act", "case", "all", "target"):
        kept.pop(name, None)
    return reverse("cases:worklist") + (f"?{kept.urlencode()}" if kept else "")
