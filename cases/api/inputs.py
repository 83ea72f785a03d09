"""What the API reads: bodies of requests."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from cases.lifecycle import Verdict
from cases.models.statement import Confidence
from cases.services.reviews import Opinion


class StrictInput(serializers.Serializer[Any]):
    """Refuses a field that it does not know: a misspelt one would be lost without a word."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            message = _t("This field is not known; known are %(known)s.") % {"known": ", ".join(self.fields)}
            raise serializers.ValidationError({name: [message] for name in unknown})
        given: dict[str, Any] = super().to_internal_value(data)
        return given


class OpinionInput(StrictInput):
    """What a reader says."""

    verdict = serializers.ChoiceField(Verdict.choices)
    corrected_class = serializers.CharField(
        default="", allow_blank=True, help_text=_("The class that you see, where you disagree.")
    )
    confidence = serializers.ChoiceField(
        Confidence.choices, help_text=_("From 1, very unsure, to 5, certain.")
    )
    comment = serializers.CharField(default="", allow_blank=True, max_length=4000)

    def opinion(self) -> Opinion:
        """The reader's words as the service takes them."""
        given = self.validated_data
        return Opinion(
            verdict=Verdict(given["verdict"]),
            corrected_class=given["corrected_class"],
            confidence=given["confidence"],
            comment=given["comment"],
        )


class ReviewInput(OpinionInput):
    """A first review of a case."""

    prediction = serializers.UUIDField(help_text=_("Id of the result that you read."))


class AmendmentInput(OpinionInput):
    """A review in the place of an earlier one."""

    reason = serializers.CharField(max_length=1000, help_text=_("Why you amend it."))


class UploadInput(serializers.Serializer[Any]):
    """One or many files for one cohort."""

    cohort = serializers.CharField(help_text=_("Name or id of the cohort."))
    file = serializers.ListField(
        child=serializers.FileField(),
        help_text=_("PNG, JPEG, TIFF, BMP or WebP; repeat the part for more files."),
    )
