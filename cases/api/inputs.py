"""What the API reads: bodies of requests."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from cases.intake.forms import MOST_VOLUMES
from cases.lifecycle import Verdict
from cases.models.statement import MAX_COMMENT, MAX_OTHER_FINDING, MAX_REASON, Confidence
from cases.reading.read_input import ReadInput


class StrictInput(serializers.Serializer[Any]):
    """Refuses a field that it does not know: a misspelt one would be lost without a word."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            message = _t("This field is not known; known are %(known)s.") % {"known": ", ".join(self.fields)}
            raise serializers.ValidationError({name: [message] for name in unknown})
        given: dict[str, Any] = super().to_internal_value(data)
        return given


class ReadSerializer(StrictInput):
    """What every read of a reader says."""

    other_finding = serializers.CharField(
        default="",
        allow_blank=True,
        max_length=MAX_OTHER_FINDING,
        help_text=_("What you see, where the class is “other”."),
    )
    confidence = serializers.ChoiceField(
        Confidence.choices, help_text=_("From 1, very unsure, to 5, certain.")
    )
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_COMMENT)
    region = serializers.JSONField(
        default=None,
        allow_null=True,
        help_text=_("A marked rectangle, ellipse or brush stroke, in pixels of the picture."),
    )
    active_seconds = serializers.FloatField(default=None, allow_null=True, min_value=0)

    def read(self, read_class: str, verdict: Verdict | None = None) -> ReadInput:
        """What the valid input says, of this class."""
        names = ("other_finding", "confidence", "comment", "region", "active_seconds")
        return ReadInput(read_class, verdict=verdict, **{name: self.validated_data[name] for name in names})


class FirstReadInput(ReadSerializer):
    """The own read of a blinded case."""

    read_class = serializers.CharField(
        help_text=_("The class that you see: one of the network's, “other” or “unreadable”.")
    )

    def read_input(self) -> ReadInput:
        """The reader's words as the service takes them."""
        return self.read(self.validated_data["read_class"])


class DecisionInput(FirstReadInput):
    """The decision of a disputed case."""


class JudgementInput(ReadSerializer):
    """What a reader says of a result."""

    verdict = serializers.ChoiceField(Verdict.choices)
    corrected_class = serializers.CharField(
        default="", allow_blank=True, help_text=_("The class that you see, where you disagree.")
    )

    def read_input(self) -> ReadInput:
        """The reader's words as the service takes them."""
        given = self.validated_data
        return self.read(given["corrected_class"], Verdict(given["verdict"]))


class ReviewInput(JudgementInput):
    """A first review of a case."""

    prediction = serializers.UUIDField(help_text=_("Id of the result that you read."))


class AmendmentInput(JudgementInput):
    """A review in the place of an earlier one."""

    reason = serializers.CharField(max_length=MAX_REASON, help_text=_("Why you amend it."))


class UploadInput(serializers.Serializer[Any]):
    """One or many files for one cohort, or for one case."""

    cohort = serializers.CharField(
        required=False, help_text=_("Name or id of the cohort. Give this, or “case”.")
    )
    together = serializers.BooleanField(
        default=False,
        help_text=_("“true” makes one case of all files, its images in the order of the form."),
    )
    volume = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=MOST_VOLUMES,
        help_text=_("Which one to read of a NIfTI file that holds several volumes."),
    )
    case = serializers.CharField(
        required=False,
        help_text=_("Code of a case that nobody has begun to read: the files become its further images."),
    )
    file = serializers.ListField(
        child=serializers.FileField(),
        help_text=_("PNG, JPEG, TIFF, BMP or WebP; repeat the part for more files."),
    )
