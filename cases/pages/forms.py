"""The forms of the pages. Rules of the domain stay in the services; here is how they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from cases import selectors
from cases.lifecycle import CaseState, GateVerdict, JobStatus
from cases.models import Cohort
from cases.permissions import Action, cohorts_where, may_anywhere

if TYPE_CHECKING:
    from portal.accounts.models import User


class WorklistForm(forms.Form):
    """What the worklist is narrowed to. A field that does not hold narrows nothing."""

    text = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Code or cohort")}),
    )
    cohort = forms.ModelChoiceField(
        label=_("Cohort"), required=False, queryset=Cohort.objects.none(), empty_label=_("All")
    )
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("All")), *CaseState.choices])
    analysis = forms.ChoiceField(
        label=_("Analysis"), required=False, choices=[("", _("All")), *JobStatus.choices]
    )
    found = forms.ChoiceField(label=_("Network's class"), required=False)
    gate = forms.ChoiceField(
        label=_("Input gate"), required=False, choices=[("", _("All")), *GateVerdict.choices]
    )

    def __init__(self, data: Any, *, user: User) -> None:
        super().__init__(data)
        cohorts = cast("forms.ModelChoiceField[Cohort]", self.fields["cohort"])
        cohorts.queryset = selectors.cohorts_visible_to(user)
        if may_anywhere(user, Action.READ):
            found = cast("forms.ChoiceField", self.fields["found"])
            found.choices = [("", _("All")), *selectors.known_classes().items()]
        else:
            del self.fields["found"], self.fields["gate"]

    def narrowed(self) -> selectors.WorklistFilter:
        """The filter of the valid fields."""
        self.full_clean()
        given = self.cleaned_data
        return selectors.WorklistFilter(
            cohort=given.get("cohort"),
            state=given.get("state", ""),
            job_status=given.get("analysis", ""),
            predicted_class=given.get("found", ""),
            gate_verdict=given.get("gate", ""),
            text=given.get("text", "").strip(),
        )


class Grouping(TextChoices):
    """How the files of one upload belong together."""

    SEPARATE = "separate", _("Each file is a case of its own")
    ONE_CASE = "one_case", _("All files are the slices of one case")


class UploadForm(forms.Form):
    """The cohort that files go to, and how they belong together; the files are judged one by one."""

    cohort = forms.ModelChoiceField(
        label=_("Cohort"),
        queryset=Cohort.objects.none(),
        empty_label=_("Choose a cohort"),
        error_messages={
            "required": _("Choose the cohort that these images belong to."),
            "invalid_choice": _("You cannot upload to this cohort. Choose another one."),
        },
    )

    grouping = forms.ChoiceField(
        label=_("How do the files belong together?"),
        required=False,  # a script of before does not say it
        choices=Grouping.choices,
        initial=Grouping.SEPARATE,
        widget=forms.RadioSelect,
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        field = cast("forms.ModelChoiceField[Cohort]", self.fields["cohort"])
        field.queryset = cohorts_where(user, Action.UPLOAD)
        only = list(field.queryset[:2])
        if len(only) == 1:
            field.initial = only[0]
            field.empty_label = None
