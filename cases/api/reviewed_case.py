"""A row of the export over REST, as the OpenAPI document says it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from cases.api.serializers import GATE_HELP, TRAINED_ON_HELP, RegionField
from cases.lifecycle import GateVerdict, Reading, Verdict


class ReviewedCaseSerializer(serializers.Serializer[Any]):
    """One row of the export."""

    review_id = serializers.UUIDField()
    case = serializers.CharField()
    cohort = serializers.CharField()
    simulated = serializers.BooleanField(help_text="Made for demonstration; keep it out of figures.")
    ground_truth = serializers.CharField(allow_null=True)
    reading = serializers.ChoiceField(
        Reading.choices, allow_null=True, help_text="How the case was read; null before there were protocols."
    )
    protocol_version = serializers.IntegerField(allow_null=True)
    case_images = serializers.IntegerField(help_text="How many images the case has.")
    image_position = serializers.IntegerField(
        help_text="Place of the image that stands for the case, whose result was read, from 0."
    )
    image_sha256 = serializers.CharField(
        allow_null=True, help_text="Of the uploaded file; null where the picture is deleted."
    )
    image_width = serializers.IntegerField()
    image_height = serializers.IntegerField()
    model_version = serializers.CharField()
    predicted_class = serializers.CharField()
    predicted_probability = serializers.FloatField()
    probabilities = serializers.DictField(child=serializers.FloatField())
    gate_verdict = serializers.ChoiceField(GateVerdict.choices, allow_null=True, help_text=GATE_HELP)
    gate_distance = serializers.FloatField(allow_null=True)
    trained_on = serializers.BooleanField(allow_null=True, help_text=TRAINED_ON_HELP)
    first_read_class = serializers.CharField(
        allow_null=True, help_text="What the reader committed before the result was shown."
    )
    first_read_confidence = serializers.IntegerField(allow_null=True)
    first_read_at = serializers.DateTimeField(allow_null=True)
    verdict = serializers.ChoiceField(Verdict.choices)
    final_class = serializers.CharField(help_text="The reader's class.")
    corrected_class = serializers.CharField(
        allow_null=True, help_text="The same, where the reader disagrees."
    )
    changed_after_reveal = serializers.BooleanField(
        allow_null=True, help_text="Whether the reader's class is another than before the reveal."
    )
    other_finding = serializers.CharField(allow_null=True)
    reader_confidence = serializers.IntegerField(min_value=1, max_value=5)
    comment = serializers.CharField(allow_blank=True)
    region = RegionField(help_text="Marked by the reader, in pixels.")
    heat_in_region = serializers.FloatField(
        allow_null=True,
        help_text=(
            "Share of the last layer's heat for the predicted class inside the region, on the image that the "
            "region is marked on."
        ),
    )
    active_seconds = serializers.FloatField(allow_null=True, help_text="Active reading time.")
    reader = serializers.UUIDField(help_text="An opaque id.")
    reviewed_at = serializers.DateTimeField()
    amendment = serializers.BooleanField()
    amends = serializers.UUIDField(allow_null=True)
    amendment_reason = serializers.CharField(allow_null=True)
    adjudicated_class = serializers.CharField(allow_null=True)
    adjudicated_at = serializers.DateTimeField(allow_null=True)
    notice = serializers.CharField()
    remark = serializers.BooleanField(
        help_text="Said once the answer was in sight, or of a dispute: no part of the study's endpoint."
    )
    seen_network_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the reader was first shown the network's result, before this was said.",
    )
    seen_truth_at = serializers.DateTimeField(
        allow_null=True, help_text="When the reader was first shown the known class, before this was said."
    )
    seen_peers_at = serializers.DateTimeField(
        allow_null=True, help_text="When the reader was first shown other readers, before this was said."
    )
    first_read_blind = serializers.BooleanField(
        allow_null=True, help_text="False where the reader had been shown the result before the first read."
    )
    picture_deleted_at = serializers.DateTimeField(
        allow_null=True, help_text="When the picture was deleted; what was read of it still counts."
    )
