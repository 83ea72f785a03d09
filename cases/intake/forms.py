"""The forms of uploading. Rules of the domain stay in the services; here is how they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.db.models import TextChoices
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.models import Cohort
from cases.permissions import Action, cohorts_where

if TYPE_CHECKING:
    from portal.accounts.models import User


# NIfTI-1 counts no further along an axis.
MOST_VOLUMES = 32767


def volume_of(text: str) -> int:
    """The number of a volume as a client writes it. Raises ValueError with a sentence."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(MOST_VOLUMES))
    if not is_number or not 1 <= int(text) <= MOST_VOLUMES:
        raise ValueError(_t("Give one whole number from 1 to %(most)d.") % {"most": MOST_VOLUMES})
    return int(text)


class Grouping(TextChoices):
    """How the files of one upload belong together."""

    SEPARATE = "separate", _("Each file is a case of its own")
    ONE_CASE = "one_case", _("All files are the slices of one case")


class GroupingForm(forms.Form):
    """How files belong together, and what is read of them."""

    grouping = forms.ChoiceField(
        label=_("How do the files belong together?"),
        required=False,  # a script of before does not say it
        choices=Grouping.choices,
        initial=Grouping.SEPARATE,
        widget=forms.RadioSelect,
    )

    volume = forms.IntegerField(
        label=_("Which volume of a file that holds several?"),
        help_text=_("Its number, from 1; for NIfTI files of four dimensions, such as echoes or times."),
        required=False,
        min_value=1,
        max_value=MOST_VOLUMES,
    )

    @property
    def chosen_grouping(self) -> Grouping:
        """What the valid form says."""
        return Grouping(self.cleaned_data["grouping"] or Grouping.SEPARATE)


class UploadForm(GroupingForm):
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

    field_order = ("cohort", "grouping", "volume")

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        field = cast("forms.ModelChoiceField[Cohort]", self.fields["cohort"])
        field.queryset = cohorts_where(user, Action.UPLOAD)
        only = list(field.queryset[:2])
        if len(only) == 1:
            field.initial = only[0]
            field.empty_label = None
