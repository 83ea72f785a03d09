"""A prediction: what one model version said of one image."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import GateVerdict


class ResultFields(models.Model):
    """What a network says of an image."""

    predicted_class = models.CharField(_("predicted class"), max_length=40)
    confidence = models.FloatField(_("probability of the predicted class"))
    probabilities = models.JSONField(
        _("probabilities"), help_text=_("By class code; the database keeps no order of the keys.")
    )
    maps_file = models.CharField(_("heat maps stored under"), max_length=120)
    gate_verdict = models.CharField(
        _("verdict of the input gate"),
        max_length=10,
        choices=GateVerdict.choices,
        blank=True,
        default="",
        db_default="",  # a worker of the version before knows no gate
        help_text=_("Empty where the network has no gate."),
    )
    gate_distance = models.FloatField(
        _("distance from the training images"),
        null=True,
        blank=True,
        help_text=_("As the gate measures it; only numbers of one network version can be compared."),
    )
    suspicion = models.FloatField(
        _("suspicion"),
        default=0.0,
        db_default=0.0,  # a worker of the version before does not say it
        help_text=_(
            "The probability of the predicted class, below zero where that class means “nothing found”: "
            "of several images the one with the most stands for the case."
        ),
    )
    in_training = models.BooleanField(
        _("was in the training data"),
        null=True,
        blank=True,
        help_text=_("Empty where the network does not say what it was trained on."),
    )
    seconds = models.FloatField(_("inference time, seconds"))

    class Meta:
        abstract = True


class Prediction(ResultFields):
    """Probabilities and heat maps; written once by the worker, never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Found by the constraint below, never by the network alone (models/__init__.py).
    image = models.ForeignKey(
        "cases.Image", on_delete=models.CASCADE, db_index=False, related_name="predictions"
    )
    model_version = models.ForeignKey(
        "cases.ModelVersion", on_delete=models.PROTECT, db_index=False, related_name="predictions"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("prediction")
        verbose_name_plural = _("predictions")
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "model_version"], name="prediction_once_a_model"),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1),
                name="prediction_confidence_range",
            ),
            models.CheckConstraint(
                condition=Q(gate_verdict="", gate_distance__isnull=True)
                | Q(gate_verdict__in=GateVerdict.values, gate_distance__isnull=False),
                name="prediction_gate_known",
            ),
        ]
        # Whether a stored file of maps is anybody's still (cases/removals.py).
        indexes: ClassVar = [models.Index(fields=["maps_file"], name="prediction_same_maps")]

    def __str__(self) -> str:
        return f"{self.image}: {self.predicted_class} ({self.confidence:.3f})"

    @property
    def is_refused(self) -> bool:
        """Whether the gate found the image unlike the training images, so that no class may be shown."""
        return self.gate_verdict == GateVerdict.REFUSED

    @property
    def predicted_label(self) -> str:
        """The predicted class as the manifest words it."""
        return self.model_version.class_labels[self.predicted_class]

    @property
    def probability_by_class(self) -> dict[str, float]:
        """The probabilities by class code, in the order of the model's manifest."""
        return {code: self.probabilities[code] for code in self.model_version.class_labels}
