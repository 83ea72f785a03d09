"""Two days in the filter row of a page, and the moments that they mean."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t


def day_field(label: Any) -> forms.DateField:
    """A day, or none."""
    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    return forms.DateField(label=label, required=False, widget=widget)


class PeriodForm(forms.Form):
    """A form with the days `since` and `until`, in order; both are those of the portal's time zone."""

    def clean(self) -> dict[str, Any]:
        """Days in order."""
        given = super().clean() or {}
        since, until = given.get("since"), given.get("until")
        if since and until and until < since:
            self.add_error("until", _t("The last day lies before the first."))
        return given

    def period(self) -> dict[str, datetime | None]:
        """The moments since which, and before which, as the valid form says."""
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        return {"since": _midnight(since), "until": _midnight(until + timedelta(days=1)) if until else None}


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None
