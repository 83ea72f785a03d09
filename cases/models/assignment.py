"""An assignment: who is to read a case. A case without one is anybody's of the cohort."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Assignment(models.Model):
    """One reader to whom an administrator gave the case."""

    case = models.ForeignKey(
        "cases.Case", on_delete=models.CASCADE, db_index=False, related_name="assignments"
    )
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="assignments")
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "reader"], name="assignment_once_a_reader"),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.reader}"
