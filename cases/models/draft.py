"""A draft: what a reader has typed of one case, and, once submitted, what can still be undone."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import DraftState


class Draft(models.Model):
    """The fields of a form as they were typed. It ends as a first read or a review, and is gone then.

    `revision` grows with each change, so that of two windows the later one is told of the other.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, db_index=False, related_name="drafts")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    state = models.CharField(_("state"), max_length=12, choices=DraftState.choices, default=DraftState.DRAFT)
    fields = models.JSONField(_("fields"), default=dict)
    revision = models.PositiveIntegerField(_("revision"), default=1)
    prediction = models.ForeignKey(
        "cases.Prediction", null=True, blank=True, on_delete=models.CASCADE, related_name="+"
    )
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")
        ordering: ClassVar = ["-updated_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "reader"], name="draft_once_a_reader"),
            models.CheckConstraint(condition=models.Q(state__in=DraftState.values), name="draft_state_known"),
        ]
        indexes: ClassVar = [models.Index(fields=["state", "updated_at"], name="draft_to_finalise")]

    def __str__(self) -> str:
        return f"{self.case}: {self.state}"
