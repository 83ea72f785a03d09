"""What the API says: shapes of answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.reverse import reverse

from cases.analysis.model_figures import figures_of
from cases.analysis.results import Progress
from cases.intake.receipts import Outcome, Receipt
from cases.lifecycle import CaseState, GateVerdict, JobStatus, Reading, Verdict
from cases.models import Case, FirstRead, Job, ModelVersion, Prediction, Review
from cases.permissions import Action
from cases.reading.protocols import Terms
from cases.roles import Role

GATE_HELP = _(
    "What the input gate says of the image; null without a gate. The class of a refused one is no finding."
)
TRAINED_ON_HELP = _(
    "Whether the image, or a copy, was in the network's training data; null where that is not known. "
    "Keep those out of figures."
)

Shape = serializers.Serializer[Any]


@dataclass(frozen=True)
class CaseDetail:
    """All that one user may know of one case. `reviews` is None without the right to read."""

    case: Case
    job: Job | None
    progress: Progress
    prediction: Prediction | None
    results: list[Prediction]
    reviews: list[Review] | None
    terms: Terms
    first_read: FirstRead | None


@extend_schema_field({"type": ["object", "null"]})
class RegionField(serializers.JSONField):
    """A marked region as inference.regions describes it, or null."""


@extend_schema_field(OpenApiTypes.URI)
class CaseUrlField(serializers.Field[Any, Any, str, Any]):
    """The address of a case in this API."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: str) -> str:
        return reverse("api:case", kwargs={"code": value}, request=self.context.get("request"))


class CohortSerializer(Shape):
    """A cohort of the user, with the user's rights in it."""

    id = serializers.UUIDField(source="cohort.id")
    name = serializers.CharField(source="cohort.name")
    description = serializers.CharField(source="cohort.description", allow_blank=True)
    reading = serializers.ChoiceField(Reading.choices, source="cohort.reading")
    readers_required = serializers.IntegerField(source="cohort.readers_required")
    protocol_version = serializers.IntegerField(source="cohort.protocol_version")
    role = serializers.ChoiceField(Role.choices, allow_null=True, help_text=_("Null for the superuser."))
    rights = serializers.ListField(source="actions", child=serializers.ChoiceField(Action.choices))


class CaseSerializer(Shape):
    """A case in a list."""

    code = serializers.CharField()
    url = CaseUrlField(source="code")
    cohort = serializers.CharField(source="cohort.name", help_text=_("Name of the cohort."))
    state = serializers.ChoiceField(CaseState.choices)
    job_status = serializers.ChoiceField(
        JobStatus.choices, allow_null=True, help_text=_("Machine state of the newest analysis.")
    )
    simulated = serializers.BooleanField(source="is_simulated")
    created_at = serializers.DateTimeField()


class ImageSerializer(Shape):
    """What is known of a picture; nothing of it names a patient."""

    position = serializers.IntegerField()
    width = serializers.IntegerField()
    height = serializers.IntegerField()
    bit_depth = serializers.IntegerField()
    colour = serializers.ChoiceField(["grey", "rgb"])
    source_format = serializers.CharField()
    source_bytes = serializers.IntegerField()
    source_sha256 = serializers.CharField()
    notices = serializers.ListField(
        child=serializers.CharField(), help_text=_("Codes of what was changed on the way in.")
    )


class JobErrorSerializer(Shape):
    """Why the last attempt failed."""

    code = serializers.CharField(source="error_code")
    message = serializers.CharField(source="error_message")


class JobSerializer(Shape):
    """The newest analysis of a case."""

    status = serializers.ChoiceField(JobStatus.choices)
    attempts = serializers.IntegerField()
    model_version = serializers.SerializerMethodField(
        help_text=_("Null for a reader of a blinded case before the own read is committed.")
    )
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)
    error = serializers.SerializerMethodField()

    def get_model_version(self, job: Job) -> str | None:
        """The network's name, where the context says that it may be told."""
        return job.model_version.name if self.context.get("names_network") else None

    def get_error(self, job: Job) -> dict[str, str] | None:
        """Null where the last attempt did not fail."""
        return dict(JobErrorSerializer(job).data) if job.error_code else None


class ClassSerializer(Shape):
    """A class that the network knows."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a name that Field has too; the metaclass moves it


class LayerSerializer(Shape):
    """A layer that heat maps exist for."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a name that Field has too; the metaclass moves it
    grid = serializers.ListField(
        child=serializers.IntegerField(), help_text=_("Rows and columns of its map.")
    )
    channels = serializers.IntegerField()


class ModelFiguresSerializer(Shape):
    """How well a network did on one set of images."""

    where = serializers.CharField()
    n = serializers.IntegerField()
    macro_f1 = serializers.FloatField()
    interval = serializers.ListField(
        child=serializers.FloatField(), allow_null=True, help_text=_("Of the macro F1, 95 %.")
    )
    accuracy = serializers.FloatField()
    ece = serializers.FloatField(allow_null=True, help_text=_("Expected calibration error."))


class PredictionSerializer(Shape):
    """What the network said."""

    id = serializers.UUIDField()
    position = serializers.IntegerField(
        source="image.position", help_text=_("Of the image that stands for the case.")
    )
    model_version = serializers.CharField(source="model_version.name")
    predicted_class = serializers.CharField()
    predicted_label = serializers.CharField()
    predicted_probability = serializers.FloatField(source="confidence")
    probabilities = serializers.DictField(
        source="probability_by_class",
        child=serializers.FloatField(),
        help_text=_("By class code; sum 1."),
    )
    gate_verdict = serializers.SerializerMethodField(help_text=GATE_HELP)
    gate_distance = serializers.FloatField(allow_null=True)
    trained_on = serializers.BooleanField(source="in_training", allow_null=True, help_text=TRAINED_ON_HELP)
    classes = ClassSerializer(source="model_version.classes", many=True)
    layers = LayerSerializer(source="model_version.layers", many=True)
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(GateVerdict.choices, allow_null=True))
    def get_gate_verdict(self, prediction: Prediction) -> str | None:
        """Null where the network has no gate."""
        return prediction.gate_verdict or None


class ModelVersionSerializer(Shape):
    """A registered network."""

    name = serializers.CharField()
    title = serializers.SerializerMethodField()
    is_active = serializers.BooleanField()
    registered_at = serializers.DateTimeField()
    weights_sha256 = serializers.CharField()
    classes = ClassSerializer(many=True)
    negative_class = serializers.CharField(allow_null=True, help_text=_("The class that is no finding."))
    layers = LayerSerializer(many=True)
    has_gate = serializers.SerializerMethodField()
    figures = serializers.SerializerMethodField(help_text=_("What its manifest says of how well it did."))

    def get_title(self, version: ModelVersion) -> str:
        """As people call it."""
        return str(version.manifest.get("title", version.name))

    def get_has_gate(self, version: ModelVersion) -> bool:
        """Whether it refuses pictures that are none of its kind."""
        return bool(version.manifest.get("gate"))

    @extend_schema_field(ModelFiguresSerializer(many=True))
    def get_figures(self, version: ModelVersion) -> Any:
        """Each set of images by its name."""
        return ModelFiguresSerializer(figures_of(version.manifest), many=True).data


class ImageResultSerializer(Shape):
    """What the network said of one image of a case."""

    position = serializers.IntegerField(source="image.position")
    prediction = serializers.UUIDField(source="pk")
    predicted_class = serializers.CharField()
    predicted_probability = serializers.FloatField(source="confidence")
    probabilities = serializers.DictField(source="probability_by_class", child=serializers.FloatField())
    gate_verdict = serializers.SerializerMethodField(help_text=GATE_HELP)

    @extend_schema_field(serializers.ChoiceField(GateVerdict.choices, allow_null=True))
    def get_gate_verdict(self, prediction: Prediction) -> str | None:
        """Null where the network has no gate."""
        return prediction.gate_verdict or None


class ProgressSerializer(Shape):
    """How far the analysis of a case is, in images."""

    images = serializers.IntegerField()
    analysed = serializers.IntegerField()
    failed = serializers.IntegerField(help_text=_("Without a result until they are tried again."))


class FirstReadSerializer(Shape):
    """What a reader committed before the network's result was shown."""

    id = serializers.UUIDField()
    case = serializers.CharField(source="case.code")
    reader = serializers.UUIDField(source="reader_id", help_text=_("An opaque id."))
    read_class = serializers.CharField()
    other_finding = serializers.CharField(allow_blank=True)
    confidence = serializers.IntegerField(min_value=1, max_value=5)
    comment = serializers.CharField(allow_blank=True)
    region = RegionField()
    active_seconds = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()


class ReviewSerializer(Shape):
    """What a reader said; an amendment is a review that names the one it stands for."""

    id = serializers.UUIDField()
    case = serializers.CharField(source="case.code")
    prediction = serializers.UUIDField(source="prediction_id")
    reader = serializers.UUIDField(source="reader_id", help_text=_("An opaque id."))
    verdict = serializers.ChoiceField(Verdict.choices)
    final_class = serializers.CharField()
    other_finding = serializers.CharField(allow_blank=True)
    confidence = serializers.IntegerField(min_value=1, max_value=5)
    comment = serializers.CharField(allow_blank=True)
    region = RegionField()
    active_seconds = serializers.FloatField(allow_null=True)
    amends = serializers.UUIDField(source="amends_id", allow_null=True)
    amended_by = serializers.SerializerMethodField()
    reason = serializers.CharField(allow_blank=True, help_text=_("Why it was amended."))
    remark = serializers.BooleanField(
        source="is_remark",
        help_text=_(
            "Said once the known class or other readers had been shown, or of a dispute: not counted."
        ),
    )
    created_at = serializers.DateTimeField()

    def get_amended_by(self, review: Review) -> str | None:
        """Id of the review that stands for this one now, if there is one."""
        newer = getattr(review, "amended_by", None)
        return str(newer.pk) if newer else None


class AdjudicationSerializer(Shape):
    """What the adjudicator decided where readers differed."""

    id = serializers.UUIDField()
    case = serializers.CharField(source="case.code")
    adjudicator = serializers.UUIDField(source="adjudicator_id", help_text=_("An opaque id."))
    final_class = serializers.CharField()
    other_finding = serializers.CharField(allow_blank=True)
    confidence = serializers.IntegerField(min_value=1, max_value=5)
    comment = serializers.CharField(allow_blank=True)
    region = RegionField()
    active_seconds = serializers.FloatField(allow_null=True)
    created_at = serializers.DateTimeField()


class SideSerializer(Shape):
    """What one reader of a disputed case said, under a letter instead of an id."""

    letter = serializers.CharField()
    final_class = serializers.CharField(source="review.final_class")
    other_finding = serializers.CharField(source="review.other_finding", allow_blank=True)
    confidence = serializers.IntegerField(source="review.confidence", min_value=1, max_value=5)
    comment = serializers.CharField(source="review.comment", allow_blank=True)
    region = RegionField(source="review.region")
    first_read_class = serializers.SerializerMethodField(help_text=_("Null where nothing was read blind."))

    def get_first_read_class(self, side: Any) -> str | None:
        """What was committed before the network's result was shown."""
        return side.first.read_class if side.first else None


class CaseAdjudicationSerializer(Shape):
    """A dispute: its sides, for its adjudicator while it waits; and its decision, once that lies open."""

    state = serializers.ChoiceField(CaseState.choices)
    sides = SideSerializer(many=True, allow_null=True)
    decision = AdjudicationSerializer(allow_null=True)


class CaseDetailSerializer(Shape):
    """One case. `prediction` and `reviews` are null without the right to read results; of a blinded case
    `prediction` is null until you have committed a first read, and `reviews` has your own only until the case
    is over.
    """

    code = serializers.CharField(source="case.code")
    url = CaseUrlField(source="case.code")
    cohort = serializers.CharField(source="case.cohort.name")
    state = serializers.ChoiceField(CaseState.choices, source="case.state")
    simulated = serializers.BooleanField(source="case.is_simulated")
    created_at = serializers.DateTimeField(source="case.created_at")
    reading = serializers.ChoiceField(Reading.choices, source="terms.reading")
    images = ImageSerializer(source="case.images.all", many=True)
    job = JobSerializer(
        allow_null=True, help_text=_("Its status is that of all images: failed where one of them failed.")
    )
    progress = ProgressSerializer()
    first_read = FirstReadSerializer(allow_null=True, help_text=_("Your own, of a blinded case."))
    prediction = PredictionSerializer(
        allow_null=True, help_text=_("That of the image that stands for the case.")
    )
    results = ImageResultSerializer(
        many=True, help_text=_("What the same network said of each image; empty where prediction is null.")
    )
    reviews = ReviewSerializer(many=True, allow_null=True)


class ReceiptSerializer(Shape):
    """What became of one file."""

    index = serializers.IntegerField(
        help_text=_("Place of the file in the request, from 0; the same for all files of one archive.")
    )
    outcome = serializers.ChoiceField(Outcome.choices)
    case = serializers.CharField(allow_null=True, help_text=_("Code of the case; null for a refused file."))
    url = CaseUrlField(source="case", allow_null=True)
    position = serializers.IntegerField(
        allow_null=True, help_text=_("Place of the image in the case, from 0; null for a refused file.")
    )
    code = serializers.CharField(help_text=_("A stable code of the reason."))
    message = serializers.CharField()
    notices = serializers.ListField(
        child=serializers.CharField(), help_text=_("What was changed on the way in.")
    )


def receipt_bodies(receipts: list[Receipt], places: list[int], context: dict[str, Any]) -> Any:
    """The receipts of one request, in the order of its files; places: of these in the request."""
    numbered = [
        {
            "index": index,
            "outcome": receipt.outcome,
            "case": receipt.case.code if receipt.case else None,
            "position": receipt.position,
            "code": receipt.code,
            "message": receipt.message,
            "notices": receipt.notices,
        }
        for index, receipt in zip(places, receipts, strict=True)
    ]
    return ReceiptSerializer(numbered, many=True, context=context).data
