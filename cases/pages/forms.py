"""The forms of the pages. Rules of the domain stay in the services; here is how they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from cases import selectors
from cases.lifecycle import CaseState, GateVerdict, JobStatus, Verdict
from cases.models import Cohort, Prediction, Review
from cases.models.statement import Confidence
from cases.permissions import Action, cohorts_where, may_anywhere
from cases.services.reviews import Opinion

if TYPE_CHECKING:
    from portal.accounts.models import User

MAX_COMMENT = 4000
MAX_REASON = 1000


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


class UploadForm(forms.Form):
    """The cohort that files go to; the files themselves are judged one by one."""

    cohort = forms.ModelChoiceField(
        label=_("Cohort"),
        queryset=Cohort.objects.none(),
        empty_label=_("Choose a cohort"),
        error_messages={
            "required": _("Choose the cohort that these images belong to."),
            "invalid_choice": _("You cannot upload to this cohort. Choose another one."),
        },
    )

    def __init__(self, data: Any = None, *, user: User) -> None:
        super().__init__(data)
        field = cast("forms.ModelChoiceField[Cohort]", self.fields["cohort"])
        field.queryset = cohorts_where(user, Action.UPLOAD)
        only = list(field.queryset[:2])
        if len(only) == 1:
            field.initial = only[0]
            field.empty_label = None


class ReviewForm(forms.Form):
    """What a reader says of a case for the first time.

    `is_blind`: the network's class is withheld, since the gate refused the image. Then there is nothing to
    agree with: the reader names a class, and whether that is the network's follows from it.
    """

    prediction = forms.UUIDField(widget=forms.HiddenInput)
    verdict = forms.ChoiceField(
        label=_("Do you agree with the network?"),
        choices=Verdict.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say whether you agree.")},
    )
    corrected_class = forms.ChoiceField(
        label=_("Which class do you see instead?"), required=False, widget=forms.RadioSelect
    )
    confidence = forms.TypedChoiceField(
        label=_("How sure are you?"),
        coerce=int,
        choices=Confidence.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how sure you are.")},
    )
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Write nothing that could identify the patient."),
    )

    def __init__(
        self,
        data: Any = None,
        *,
        of: Prediction,
        is_blind: bool = False,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial={"prediction": of.pk} | (initial or {}))
        self.is_blind, self.predicted_class = is_blind, of.predicted_class
        corrected = cast("forms.ChoiceField", self.fields["corrected_class"])
        labels = of.model_version.class_labels
        corrected.choices = [
            (code, label) for code, label in labels.items() if is_blind or code != of.predicted_class
        ]
        if is_blind:
            del self.fields["verdict"]
            corrected.required = True
            corrected.label = _("Which class do you see?")
            corrected.error_messages["required"] = _("Say which class you see.")

    def opinion(self) -> Opinion:
        """What the valid form says."""
        given = self.cleaned_data
        verdict, corrected = Verdict(given.get("verdict", Verdict.DISAGREE)), given["corrected_class"]
        if self.is_blind and corrected == self.predicted_class:
            verdict, corrected = Verdict.AGREE, ""
        return Opinion(verdict, corrected, given["confidence"], given["comment"])

    def refuse(self, error: ValidationError) -> None:
        """Show a service's refusal at the fields that it names."""
        self.add_error(None, error)


class AmendForm(ReviewForm):
    """What a reader says instead of the own earlier review, and why."""

    amends = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why do you amend your review?"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why you amend this review.")},
    )


def values_of(review: Review, *, is_blind: bool) -> dict[str, Any]:
    """The fields of a form that says what `review` says."""
    disagrees = is_blind or review.verdict == Verdict.DISAGREE
    return {
        "verdict": review.verdict,
        "corrected_class": review.final_class if disagrees else "",
        "confidence": review.confidence,
        "comment": review.comment,
        "amends": review.pk,
    }
