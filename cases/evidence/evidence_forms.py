"""The filter row of the evidence page, and the form that opens figures early."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.classes import known_classes
from cases.cohorts import reader_before, readers_of
from cases.evidence.comparison import versions_in
from cases.evidence.study import StudyFilter
from cases.models.statement import MAX_REASON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from cases.models import Cohort


class EvidenceForm(forms.Form):
    """What figures are narrowed to, by the address alone."""

    version = forms.ChoiceField(label=_("Network"), required=False)
    reader = forms.ChoiceField(label=_("Reader"), required=False)
    known = forms.ChoiceField(label=_("Known class"), required=False)
    since = forms.DateField(
        label=_("Read from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=_("Read until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, data: Any, *, cohort: Cohort) -> None:
        super().__init__(data)
        self._offer("version", [(version.name, version.name) for version in versions_in(cohort)])
        readers = {str(reader.pk): str(reader) for reader in readers_of([cohort])}
        asked = self.data.get("reader", "")
        if asked and asked not in readers and (gone := reader_before(asked, [cohort])):
            readers[asked] = str(gone)
        self._offer("reader", readers.items())
        self._offer("known", known_classes().items())

    def _offer(self, name: str, choices: Iterable[tuple[str, str]]) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = [("", _("All")), *choices]

    def clean(self) -> dict[str, Any]:
        """Dates in order."""
        given = super().clean() or {}
        since, until = given.get("since"), given.get("until")
        if since and until and until < since:
            self.add_error("until", _t("The last day lies before the first."))
        return given

    def filters(self) -> StudyFilter:
        """What the valid form says; days are those of the portal's time zone."""
        given = self.cleaned_data
        until = given.get("until")
        return StudyFilter(
            version=given.get("version", ""),
            reader=UUID(given["reader"]) if given.get("reader") else None,
            known_class=given.get("known", ""),
            since=_midnight(given.get("since")),
            until=_midnight(until + timedelta(days=1)) if until else None,
        )


def _midnight(day: date | None) -> datetime | None:
    return timezone.make_aware(datetime.combine(day, time.min)) if day else None


class OpenEarlyForm(forms.Form):
    """The reason for an interim look."""

    reason = forms.CharField(
        label=_("Why are the figures looked at before the study ends?"),
        max_length=MAX_REASON,
        error_messages={"required": _("Say why the figures are looked at before the study ends.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
