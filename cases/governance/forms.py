"""The forms of the governance pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.evidence.comparison import versions_in
from cases.models import ModelVersion
from cases.models.statement import MAX_REASON
from cases.period import PeriodForm, day_field

if TYPE_CHECKING:
    from cases.models import Cohort


def reason_field(label: Any, required: Any) -> forms.CharField:
    """Why, in the person's own words."""
    return forms.CharField(
        label=label,
        max_length=MAX_REASON,
        error_messages={"required": required},
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class BaselineForm(PeriodForm):
    """What is frozen as the baseline of drift."""

    version: forms.ModelChoiceField[ModelVersion] = forms.ModelChoiceField(
        label=_("Network"), queryset=ModelVersion.objects.none(), empty_label=None
    )
    since = day_field(_("First day"))
    until = day_field(_("Last day"))
    reason = reason_field(_("Why is this period the baseline?"), _("Say why this period is the baseline."))

    def __init__(self, data: Any = None, *, cohort: Cohort) -> None:
        super().__init__(data)
        cast("forms.ModelChoiceField[ModelVersion]", self.fields["version"]).queryset = versions_in(
            cohort
        ).reverse()
        for name in ("since", "until"):
            self.fields[name].required = True
