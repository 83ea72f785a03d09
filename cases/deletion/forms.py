"""The forms of deletion."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.deletion.retention import MOST_DAYS
from cases.lifecycle import DeletionReason
from cases.models.deletion import MAX_WORDS

# What people give; that the time is over is the portal's to say.
GIVEN = [choice for choice in DeletionReason.choices if choice[0] != DeletionReason.RETENTION]


class DeletionForm(forms.Form):
    """Why, and for a cohort its name once more."""

    reason = forms.ChoiceField(
        label=_("Why is it deleted?"),
        choices=[("", _("Choose one")), *GIVEN],
        error_messages={"required": _("Say why it is deleted.")},
    )
    words = forms.CharField(
        label=_("In words"),
        required=False,
        max_length=MAX_WORDS,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("It stays for ever: no name, no number of a patient, nothing that stood in the picture."),
    )
    name = forms.CharField(
        label=_("Name of the cohort"),
        help_text=_("Type it once more, so that it is not another."),
        error_messages={"required": _("Type the name of the cohort.")},
    )

    def __init__(self, *args: Any, name: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self._name = name
        if not name:
            del self.fields["name"]

    def clean_name(self) -> str:
        """The very name."""
        given: str = self.cleaned_data["name"]
        if given.strip() != self._name:
            raise ValidationError(_t("The cohort is called “%(name)s”.") % {"name": self._name})
        return given

    def clean(self) -> dict[str, Any]:
        """Another reason needs words."""
        given = super().clean() or {}
        if given.get("reason") == DeletionReason.OTHER and not given.get("words"):
            self.add_error("words", _t("Say which other reason."))
        return given


class RetentionForm(forms.Form):
    """For how long a cohort keeps its cases."""

    days = forms.IntegerField(
        label=_("Days"),
        required=False,
        min_value=1,
        max_value=MOST_DAYS,
        help_text=_("Empty: for ever."),
    )
