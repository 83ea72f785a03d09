"""What a reader fills in: the first read of a blinded case, a review, and its amendment."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from cases.classes import known_classes
from cases.lifecycle import OTHER_FINDING, READER_ONLY_CLASSES, Verdict
from cases.models import FirstRead, Prediction, Review
from cases.models.statement import MAX_COMMENT, MAX_OTHER_FINDING, Confidence
from cases.reading.reviews import Opinion
from cases.reading.statements import Statement

MAX_REASON = 1000


class StatementForm(forms.Form):
    """The part that every statement has."""

    other_finding = forms.CharField(
        label=_("What do you see instead?"),
        required=False,
        max_length=MAX_OTHER_FINDING,
        help_text=_("Only for another finding, in a few words."),
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
    region = forms.JSONField(label=_("Marked region"), required=False, widget=forms.HiddenInput)
    active_seconds = forms.FloatField(required=False, widget=forms.HiddenInput)

    def refuse(self, error: ValidationError) -> None:
        """Show a service's refusal at the fields that it names."""
        self.add_error(None, error)

    def statement_fields(self) -> dict[str, Any]:
        """What the valid form says beside the class."""
        names = ("other_finding", "confidence", "comment", "region", "active_seconds")
        return {name: self.cleaned_data[name] for name in names}


class FirstReadForm(StatementForm):
    """What a reader of a blinded case commits. It knows nothing of any result."""

    field_order = ("read_class", "other_finding", "confidence", "comment")

    read_class = forms.ChoiceField(
        label=_("Which class do you see?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Say which class you see.")},
    )

    def __init__(self, data: Any = None, *, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        choices = cast("forms.ChoiceField", self.fields["read_class"])
        choices.choices = [*known_classes().items(), *READER_ONLY_CLASSES.items()]

    def statement(self) -> Statement:
        """What the valid form says."""
        return Statement(self.cleaned_data["read_class"], **self.statement_fields())


class ReviewForm(StatementForm):
    """What a reader says of a result.

    `is_blind`: the network's class is withheld, since the gate refused the image. Then there is nothing to
    agree with: the reader names a class, and whether that is the network's follows from it.
    """

    field_order = ("prediction", "verdict", "corrected_class", "other_finding", "confidence", "comment")

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

    def __init__(
        self,
        data: Any = None,
        *,
        of: Prediction,
        is_blind: bool = False,
        initial: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(data, initial={**(initial or {}), "prediction": of.pk})
        self.is_blind, self.predicted_class = is_blind, of.predicted_class
        corrected = cast("forms.ChoiceField", self.fields["corrected_class"])
        labels = of.model_version.class_labels
        # In the order of a blinded read, so that a key means the same class before the reveal and after it.
        self.class_codes = " ".join([*labels, *READER_ONLY_CLASSES])
        corrected.choices = [
            *((code, label) for code, label in labels.items() if is_blind or code != of.predicted_class),
            *READER_ONLY_CLASSES.items(),
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
        return Opinion(verdict, corrected, **self.statement_fields())


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
        "other_finding": review.other_finding,
        "confidence": review.confidence,
        "comment": review.comment,
        "region": review.region,
        "amends": review.pk,
    }


def kept_read(first: FirstRead, prediction: Prediction, *, is_blind: bool) -> dict[str, Any]:
    """The fields of a review that keeps what the reader committed before the reveal."""
    agrees = first.read_class == prediction.predicted_class
    return {
        "verdict": Verdict.AGREE if agrees else Verdict.DISAGREE,
        "corrected_class": first.read_class if is_blind or not agrees else "",
        "other_finding": first.other_finding if first.read_class == OTHER_FINDING else "",
        "confidence": first.confidence,
        "region": first.region,
    }
