"""The page on which study administrators see and settle how a cohort is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases.access import PageRequest, signed_in
from cases.cohorts import chosen_cohort
from cases.lifecycle import Reading, ReadingOrder
from cases.models import Cohort
from cases.models.protocol import MAX_READERS
from cases.models.statement import MAX_REASON
from cases.permissions import Action, roles_with
from cases.reading.protocols import Terms, change_protocol, has_begun, readers_under, terms_of

if TYPE_CHECKING:
    from portal.accounts.models import User


class ProtocolForm(forms.Form):
    """The terms, and once reading has begun the reason for changing them."""

    reading = forms.ChoiceField(label=_("Reading"), choices=Reading.choices, widget=forms.RadioSelect)
    readers_required = forms.IntegerField(label=_("Readers a case"), min_value=1, max_value=MAX_READERS)
    reading_order = forms.ChoiceField(label=_("Order"), choices=ReadingOrder.choices)
    adjudicator = forms.ModelChoiceField(
        label=_("Adjudicator"),
        queryset=get_user_model().objects.none(),
        required=False,
        empty_label=_("Nobody"),
        help_text=_("Decides where the readers of a case differ, and reads no case of this cohort."),
    )
    reveals_ground_truth = forms.BooleanField(
        label=_("Show the known class to a reader who has finished the case"), required=False
    )
    has_sentinels = forms.BooleanField(
        label=_("Sentinels may be among the cases: of known answer, and not to be told from the others"),
        required=False,
    )
    reason = forms.CharField(
        label=_("Why does the protocol change?"),
        error_messages={
            "required": _("Cases were read under this protocol: say why it changes for the next ones.")
        },
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, data: object = None, *, cohort: Cohort) -> None:
        terms = terms_of(cohort)
        super().__init__(
            data,  # type: ignore[arg-type]  # the query dict of a request, or nothing
            initial={name: getattr(terms, name) for name in Terms.__dataclass_fields__},
        )
        adjudicator = cast("forms.ModelChoiceField[User]", self.fields["adjudicator"])
        adjudicator.queryset = (
            get_user_model()
            .objects.filter(
                is_active=True, memberships__cohort=cohort, memberships__role__in=roles_with(Action.REVIEW)
            )
            .order_by("full_name", "email")
        )
        if not has_begun(cohort):
            del self.fields["reason"]

    def terms(self) -> Terms:
        """What the valid form says."""
        given = self.cleaned_data
        return Terms(
            Reading(given["reading"]),
            given["readers_required"],
            ReadingOrder(given["reading_order"]),
            given["adjudicator"],
            given["reveals_ground_truth"],
            given["has_sentinels"],
        )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def protocol(request: PageRequest) -> HttpResponse:
    """The terms, their earlier versions, and the form that changes them."""
    wanted = (request.POST if request.method == "POST" else request.GET).get("cohort", "")
    managed, cohort = chosen_cohort(request.user, wanted)
    form = ProtocolForm(request.POST if request.method == "POST" else None, cohort=cohort)
    if request.method == "POST" and form.is_valid():
        try:
            changed = change_protocol(
                by=request.user,
                cohort=cohort,
                terms=form.terms(),
                reason=form.cleaned_data.get("reason", ""),
            )
        except ValidationError as error:
            form.add_error(None, error)
        else:
            words = _t("The protocol is settled: version %(version)d.")
            said = words % {"version": changed.protocol_version}
            messages.success(request, said, extra_tags=f"saved:protocol:{cohort.pk}")
            return redirect(f"{reverse('dashboard:protocol')}?cohort={cohort.pk}")
    context = {
        "cohorts": managed,
        "cohort": cohort,
        "form": form,
        "has_begun": has_begun(cohort),
        "versions": cohort.protocols.select_related("adjudicator").annotate(n=Count("cases")),
        "unread": cohort.cases.filter(protocol__isnull=True).count(),
        "readers": readers_under(cohort),
        "is_blinded": cohort.reading == Reading.BLINDED,
    }
    return render(request, "reading/protocol.html", context, status=422 if form.errors else 200)
