"""The filter row of the record's page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib.auth import get_user_model
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from cases.models import Membership
from cases.models.case import CODE_SHAPE
from cases.period import PeriodForm, day_field
from cases.record.entries import ACTS, LOOKS, Filters

if TYPE_CHECKING:
    from cases.models import Cohort

_CODE = RegexValidator(rf"^{CODE_SHAPE}\Z", _("A code is two groups of four, as K7QF-2M9D."))


class RecordForm(PeriodForm):
    """What is looked for, by the address alone."""

    what = forms.ChoiceField(
        label=_("Show"),
        required=False,
        choices=[(LOOKS, _("Who looked at what")), (ACTS, _("What was done"))],
    )
    person = forms.ChoiceField(label=_("Person"), required=False)
    code = forms.CharField(label=_("Case"), required=False, max_length=9, validators=[_CODE])
    since = day_field(_("From"))
    until = day_field(_("Until"))

    def __init__(self, data: Any, *, cohort: Cohort) -> None:
        super().__init__(data)
        self._cohort = cohort
        members = Membership.objects.filter(cohort=cohort).values("user")
        people = get_user_model().objects.filter(pk__in=members).order_by("full_name", "email")
        choices = [("", _("All")), *((str(person.pk), str(person)) for person in people)]
        cast("forms.ChoiceField", self.fields["person"]).choices = choices

    def filters(self) -> Filters:
        """What the valid form says; days are those of the portal's time zone."""
        given = self.cleaned_data
        person = get_user_model().objects.get(pk=given["person"]) if given["person"] else None
        return Filters(
            what=given["what"] or LOOKS,
            cohort=self._cohort,
            person=person,
            code=given["code"].upper(),
            **self.period(),
        )
