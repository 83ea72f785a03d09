"""A shadow result: what a candidate said of one image, kept apart from what readers may be shown."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.models.prediction import ResultFields


class ShadowResult(ResultFields):
    """As a prediction; no page of a reader, no figure and no export asks this table. Rows are only ever
    added: once the candidate is in use, they are predictions too (cases/analysis/shadow.py).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Found by the constraint below, never by the network alone (models/__init__.py).
    image = models.ForeignKey(
        "cases.Image", on_delete=models.CASCADE, db_index=False, related_name="shadow_results"
    )
    model_version = models.ForeignKey(
        "cases.ModelVersion", on_delete=models.PROTECT, db_index=False, related_name="shadow_results"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("shadow result")
        verbose_name_plural = _("shadow results")
        ordering: ClassVar = ["-created_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "model_version"], name="shadow_result_once_a_model"),
        ]
        # As of predictions: whether a stored file of maps is anybody's still.
        indexes: ClassVar = [models.Index(fields=["maps_file"], name="shadow_result_same_maps")]

    def __str__(self) -> str:
        return f"{self.image}: {self.predicted_class} ({self.confidence:.3f})"
