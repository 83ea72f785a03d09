"""The filter row of the evidence page, and the form that opens figures early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from cases.classes import known_classes
from cases.cohorts import reader_before, readers_of
from cases.evidence.comparison import versions_in
from cases.evidence.study import StudyFilter
from cases.models.statement import MAX_REASON
from cases.period import PeriodForm, day_field

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases.models import Cohort


class EvidenceForm(PeriodForm):
    """What figures are narrowed to, by the address alone."""

    version = forms.ChoiceField(label=_("Network"), required=False)
    reader = forms.ChoiceField(label=_("Reader"), required=False)
    known = forms.ChoiceField(label=_("Known class"), required=False)
    since = day_field(_("Read from"))
    until = day_field(_("Read until"))

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

    def told(self) -> dict[str, str]:
        """The filled fields of the valid form, as the address has them."""
        return {name: text for name in self.fields if (text := self.data.get(name, ""))}

    def filters(self) -> StudyFilter:
        """What the valid form says; days are those of the portal's time zone."""
        given = self.cleaned_data
        return StudyFilter(
            version=given.get("version", ""),
            reader=UUID(given["reader"]) if given.get("reader") else None,
            known_class=given.get("known", ""),
            **self.period(),
        )


class OpenEarlyForm(forms.Form):
    """The reason for an interim look."""

    reason = forms.CharField(
        label=_("Why are the figures looked at before the study ends?"),
        max_length=MAX_REASON,
        error_messages={"required": _("Say why the figures are looked at before the study ends.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
