"""A teaching read: what somebody said of a drawn case before the truth was shown. No study data."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.statement import Confidence


class TeachingRead(models.Model):
    """One answer to one drawn case; the same case may be drawn again later."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Found by the indexes below (models/__init__.py).
    case = models.ForeignKey(
        "cases.Case", on_delete=models.CASCADE, db_index=False, related_name="teaching_reads"
    )
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="teaching_reads"
    )
    prediction = models.ForeignKey(
        "cases.Prediction", on_delete=models.CASCADE, related_name="teaching_reads"
    )
    read_class = models.CharField(_("class by the reader"), max_length=40)
    confidence = models.PositiveSmallIntegerField(_("confidence"), choices=Confidence.choices)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)

    class Meta:
        verbose_name = _("teaching read")
        verbose_name_plural = _("teaching reads")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(confidence__in=Confidence.values), name="teaching_confidence_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["case", "reader"], name="teaching_of_case"),
            models.Index(fields=["reader", "-created_at"], name="teaching_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.read_class}"
