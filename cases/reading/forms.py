"""What a reader fills in: the first read of a blinded case, a review, and its amendment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.classes import known_classes
from cases.input_values import BoundedDecoder
from cases.lifecycle import READER_ONLY_CLASSES, Verdict
from cases.models import Prediction
from cases.models.statement import MAX_COMMENT, MAX_OTHER_FINDING, MAX_REASON, Confidence
from cases.reading.read_input import ReadInput

if TYPE_CHECKING:
    from collections.abc import Mapping


def confidence_field() -> forms.TypedChoiceField:
    """How sure a reader is, in five steps."""
    return forms.TypedChoiceField(
        label=_("How sure are you?"),
        coerce=int,
        choices=Confidence.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say how sure you are.")},
    )


class ReadForm(forms.Form):
    """What every read says."""

    other_finding = forms.CharField(
        label=_("What do you see instead?"),
        required=False,
        max_length=MAX_OTHER_FINDING,
        help_text=_("Only for another finding, in a few words."),
    )
    confidence = confidence_field()
    comment = forms.CharField(
        label=_("Comment"),
        required=False,
        max_length=MAX_COMMENT,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Write nothing that could identify the patient."),
    )
    region = forms.JSONField(
        label=_("Marked region"), required=False, widget=forms.HiddenInput, decoder=BoundedDecoder
    )
    active_seconds = forms.FloatField(required=False, widget=forms.HiddenInput)

    def refuse(self, error: ValidationError) -> None:
        """Show a service's refusal at the fields that it names."""
        self.add_error(None, error)

    def read(self, read_class: str, verdict: Verdict | None = None) -> ReadInput:
        """What the valid form says, of this class."""
        names = ("other_finding", "confidence", "comment", "region", "active_seconds")
        return ReadInput(read_class, verdict=verdict, **{name: self.cleaned_data[name] for name in names})


class FirstReadForm(ReadForm):
    """What a reader of a blinded case commits. It knows nothing of any result."""

    field_order = ("read_class", "other_finding", "confidence", "comment")

    read_class = forms.ChoiceField(
        label=_("Which class do you see?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Say which class you see.")},
    )

    def __init__(
        self,
        data: Any = None,
        *,
        initial: dict[str, Any] | None = None,
        classes: Mapping[str, str] | None = None,
    ) -> None:
        """`classes`: those that a reader can name, where they are known already."""
        super().__init__(data, initial=initial)
        choices = cast("forms.ChoiceField", self.fields["read_class"])
        offered = {**known_classes(), **READER_ONLY_CLASSES} if classes is None else classes
        choices.choices = list(offered.items())
        self.class_names = [str(label) for label in offered.values()]

    def read_input(self) -> ReadInput:
        """What the valid form says."""
        return self.read(self.cleaned_data["read_class"])


class ReviewForm(ReadForm):
    """What a reader says of a result.

    `is_blind`: the network's class is withheld, since the gate refused the image. Then there is nothing to
    agree with: the reader names a class, and whether that is the network's follows from it. `initial` has the
    names of ReadInput's fields; its class is that of “corrected_class” here. `committed` is the class of the
    reader's own first read: then the question is whether that one stays, not whether the network is right.
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
        committed: str = "",
    ) -> None:
        said = {"corrected_class": (initial or {}).get("read_class", ""), **(initial or {})}
        super().__init__(data, initial={**said, "prediction": of.pk})
        self.is_blind = is_blind
        corrected = cast("forms.ChoiceField", self.fields["corrected_class"])
        labels = of.model_version.class_labels
        # In the order of a blinded read, so that a key means the same class before the reveal and after it.
        self.class_codes = " ".join([*labels, *READER_ONLY_CLASSES])
        self.class_names = [str(label) for label in (*labels.values(), *READER_ONLY_CLASSES.values())]
        corrected.choices = [
            *((code, label) for code, label in labels.items() if is_blind or code != of.predicted_class),
            *READER_ONLY_CLASSES.items(),
        ]
        if is_blind:
            del self.fields["verdict"]
            corrected.required = True
            corrected.label = _("Which class do you see?")
            corrected.error_messages["required"] = _("Say which class you see.")
        elif committed:
            self._ask_whether_it_stays(of, committed)

    def _ask_whether_it_stays(self, of: Prediction, committed: str) -> None:
        """The verdicts, in words of the own first read."""
        verdict = cast("forms.ChoiceField", self.fields["verdict"])
        verdict.label = _t("Do you keep your read, or change it?")
        verdict.error_messages["required"] = _t("Say whether you keep your read.")
        self.fields["corrected_class"].label = _t("Which class do you see?")
        label = of.model_version.class_labels.get(committed) or READER_ONLY_CLASSES.get(committed, committed)
        if committed == of.predicted_class:
            words = _t("Keep it: %(class)s"), _t("Change it")
        else:
            words = _t("Change it to the network's: %(found)s"), _t("Keep %(class)s, or say another class")
        named = {"class": label, "found": of.predicted_label}
        verdict.choices = [
            (code, sentence % named)
            for code, sentence in zip((Verdict.AGREE, Verdict.DISAGREE), words, strict=True)
        ]

    def read_input(self) -> ReadInput:
        """What the valid form says."""
        given = self.cleaned_data
        verdict = None if self.is_blind else Verdict(given["verdict"])
        return self.read(given["corrected_class"], verdict)


class AmendForm(ReviewForm):
    """What a reader says instead of the own earlier review, and why."""

    amends = forms.UUIDField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Why do you amend your review?"),
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Say why you amend this review.")},
    )


def initial_of(read: ReadInput, prediction: Prediction, *, is_blind: bool) -> dict[str, Any]:
    """The fields of a review's form that says what `read` says of this result."""
    agrees = read.read_class == prediction.predicted_class
    return read.as_draft() | {
        "verdict": Verdict.AGREE if agrees else Verdict.DISAGREE,
        "read_class": read.read_class if is_blind or not agrees else "",
    }
