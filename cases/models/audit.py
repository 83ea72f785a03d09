"""An audit event: who did what to which row, and when. Rows are only ever added."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditEvent(models.Model):
    """One act. `subject` is an opaque id, `details` holds codes and numbers, no names."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(_("at"), auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Empty where the system itself acted."),
    )
    action = models.CharField(_("action"), max_length=60)
    subject_type = models.CharField(_("kind of subject"), max_length=40)
    subject = models.CharField(_("subject"), max_length=64)
    cohort = models.ForeignKey(
        "cases.Cohort", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    request_id = models.CharField(_("request"), max_length=32, blank=True)
    details = models.JSONField(_("details"), default=dict, blank=True)

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering: ClassVar = ["-at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["subject_type", "subject"], name="audit_subject"),
            models.Index(fields=["-at"], name="audit_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.action} {self.subject_type} {self.subject}"
