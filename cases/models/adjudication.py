"""An adjudication: the class of a case whose readers differ, as the named adjudicator decides."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.statement import Confidence, StatementFields, other_finding_named


class Adjudication(StatementFields):
    """One a case; the database refuses to change or delete a row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.OneToOneField("cases.Case", on_delete=models.PROTECT, related_name="adjudication")
    adjudicator = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="adjudications"
    )
    final_class = models.CharField(_("class by the adjudicator"), max_length=40)
    created_at = models.DateTimeField(_("decided"), auto_now_add=True)

    class Meta:
        verbose_name = _("adjudication")
        verbose_name_plural = _("adjudications")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(confidence__in=Confidence.values), name="adjudication_confidence_known"
            ),
            models.CheckConstraint(
                condition=other_finding_named("final_class"), name="adjudication_other_named"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.final_class}"
