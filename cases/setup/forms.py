"""The forms of setting a study up."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.classes import known_classes
from cases.models import Cohort
from cases.models.statement import MAX_REASON
from cases.setup.cohorts import Plan

MOST_READERS, MOST_CASES = 1000, 1_000_000


class PlanForm(forms.Form):
    """What the study sets itself; all of it may stay empty."""

    planned_readers = forms.IntegerField(
        label=_("Readers"), required=False, min_value=1, max_value=MOST_READERS
    )
    planned_cases = forms.IntegerField(
        label=_("Cases a reader"), required=False, min_value=1, max_value=MOST_CASES
    )
    planned_until = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )

    def plan(self) -> Plan:
        """What the valid form says."""
        given = self.cleaned_data
        return Plan(given["planned_readers"], given["planned_cases"], given["planned_until"])

    @staticmethod
    def initial_of(plan: Plan) -> dict[str, Any]:
        """The plan as the fields hold it."""
        return {
            "planned_readers": plan.readers,
            "planned_cases": plan.cases_a_reader,
            "planned_until": plan.until,
        }


class CohortForm(PlanForm):
    """A new cohort."""

    name = forms.CharField(label=_("Name"), max_length=Cohort._meta.get_field("name").max_length)
    description = forms.CharField(
        label=_("Description"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2})
    )
    field_order = ("name", "description", "planned_readers", "planned_cases", "planned_until")


class TruthFileForm(forms.Form):
    """A file of known classes, to be tried."""

    file = forms.FileField(
        label=_("CSV file"),
        help_text=_(
            "Columns: case, known_class and, where you have them, patient, a pseudonym, never a name, and "
            "sentinel, which says yes or no."
        ),
    )


class ConfirmTruthForm(forms.Form):
    """What was tried, to be written."""

    kept = forms.CharField(widget=forms.HiddenInput, max_length=200)
    reason = forms.CharField(
        label=_("Where are these classes from?"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say where the known classes are from.")},
    )
    replace = forms.BooleanField(label=_("Also replace what is known otherwise"), required=False)


class TruthByHandForm(forms.Form):
    """The known class of one case."""

    case = forms.CharField(label=_("Case"), max_length=9)
    known_class = forms.ChoiceField(label=_("Known class"))
    reason = forms.CharField(
        label=_("Where is this class from?"),
        max_length=MAX_REASON,
        error_messages={"required": _("Say where the known classes are from.")},
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        field = cast("forms.ChoiceField", self.fields["known_class"])
        field.choices = list(known_classes().items())
