"""The forms of the governance pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from cases.classes import known_classes
from cases.evidence.comparison import versions_in
from cases.evidence.thresholds import thresholds
from cases.governance.acceptance import MOST_MARGIN
from cases.lifecycle import AcceptanceStandard, SnapshotState
from cases.models import ModelVersion, Snapshot
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
        # Mostly the one in use is meant, whichever was registered last.
        self.fields["version"].initial = versions_in(cohort).filter(is_active=True).first()
        for name in ("since", "until"):
            self.fields[name].required = True


class SnapshotField(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic for the checker only
    """Snapshots by their moment and digest."""

    def label_from_instance(self, snapshot: Snapshot) -> str:
        """As the page names it."""
        moment = timezone.localtime(snapshot.as_of) if snapshot.as_of else None
        return f"{moment:%Y-%m-%d %H:%M} ({snapshot.digest[:12]})"


class BoundsForm(forms.Form):
    """What a candidate has to reach, in points and percent."""

    candidate: forms.ModelChoiceField[ModelVersion] = forms.ModelChoiceField(
        label=_("Candidate"), queryset=ModelVersion.objects.none(), empty_label=None
    )
    snapshot: forms.ModelChoiceField[Snapshot] = SnapshotField(
        label=_("Compared on the snapshot"), queryset=Snapshot.objects.none(), empty_label=None
    )
    standard = forms.ChoiceField(label=_("What says who is right"), choices=AcceptanceStandard.choices)
    margin = forms.FloatField(
        label=_("By how many points may it be right less often?"),
        min_value=0,
        max_value=100 * MOST_MARGIN,
        help_text=_("The lower end of the interval of the difference must not lie below it."),
    )
    least_n = forms.IntegerField(
        label=_("How many cases does it take, of all and of each class with a bound?"),
        min_value=1,
        max_value=1_000_000,
    )
    reason = reason_field(_("Why are these the right bounds?"), _("Say why these bounds are the right ones."))

    def __init__(self, data: Any = None, *, cohort: Cohort) -> None:
        super().__init__(data, initial=self._usual())
        ready = Snapshot.objects.filter(cohort=cohort, state=SnapshotState.READY).order_by("-as_of")
        for name, offered in (
            ("candidate", ModelVersion.objects.filter(is_candidate=True)),
            ("snapshot", ready),
        ):
            cast("forms.ModelChoiceField[Any]", self.fields[name]).queryset = offered
        for code, label in known_classes().items():
            self.fields[f"recall_{code}"] = forms.FloatField(
                label=format_lazy(_("Least recall of {label}, percent"), label=label),
                required=False,
                min_value=0.1,
                max_value=100,
            )
        self.order_fields([*(name for name in self.fields if name != "reason"), "reason"])

    @staticmethod
    def _usual() -> dict[str, Any]:
        return {"margin": 100 * settings.EVIDENCE_MARGIN, "least_n": thresholds().p_value}

    def stated(self) -> dict[str, Any]:
        """What the valid form says, as `state_bounds` takes it."""
        given = self.cleaned_data
        recalls = {
            name.removeprefix("recall_"): value / 100
            for name, value in given.items()
            if name.startswith("recall_") and value is not None
        }
        return {
            **{name: given[name] for name in ("candidate", "snapshot", "least_n", "reason")},
            "standard": AcceptanceStandard(given["standard"]),
            "margin": given["margin"] / 100,
            "least_recall": recalls,
        }


class SentinelForm(forms.Form):
    """Which cases become sentinels, or cease to be."""

    codes = forms.CharField(
        label=_("Cases"),
        help_text=_("Their codes, with spaces, commas or lines between."),
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Name at least one case.")},
    )
    act = forms.ChoiceField(
        label=_("They"),
        choices=[("mark", _("are sentinels")), ("unmark", _("are ordinary cases"))],
        initial="mark",
    )
    reason = reason_field(_("Why?"), _("Say why these cases are sentinels, or are none any more."))

    def told(self) -> dict[str, Any]:
        """What is asked for."""
        given = self.cleaned_data
        codes = given["codes"].replace(",", " ").replace(";", " ").split()
        return {"codes": codes, "is_sentinel": given["act"] == "mark", "reason": given["reason"]}
