"""A request to delete, which waits for a person to confirm it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import DeletionKind, DeletionReason, RequestState
from cases.models.deletion import MAX_WORDS


class DeletionRequest(models.Model):
    """What is to be deleted, until somebody decides or its time is over.

    asked_by: empty for what the portal proposes, because a cohort keeps its cases no longer. received_before:
    of such a proposal, the cases that it is about.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("what is to be deleted"), max_length=10, choices=DeletionKind.choices)
    # Found by the index below (models/__init__.py).
    cohort = models.ForeignKey("cases.Cohort", on_delete=models.CASCADE, db_index=False, related_name="+")
    case = models.ForeignKey("cases.Case", null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    image = models.ForeignKey(
        "cases.Image", null=True, blank=True, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    subject = models.UUIDField(_("subject"), help_text=_("The key of the picture, case or cohort."))
    received_before = models.DateTimeField(_("received before"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=20, choices=DeletionReason.choices)
    words = models.CharField(_("reason in words"), max_length=MAX_WORDS, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
    )
    asked_at = models.DateTimeField(_("asked for"))
    ends_at = models.DateTimeField(_("waits until"))
    state = models.CharField(
        _("state"), max_length=12, choices=RequestState.choices, default=RequestState.WAITING
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
    )
    decided_at = models.DateTimeField(_("decided"), null=True, blank=True)

    class Meta:
        verbose_name = _("request to delete")
        verbose_name_plural = _("requests to delete")
        ordering: ClassVar = ["-asked_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(kind__in=DeletionKind.values), name="deletion_request_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=RequestState.values), name="deletion_request_state_known"
            ),
            # Of the same thing one waits at a time.
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(state=RequestState.WAITING),
                name="deletion_request_waits_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["cohort", "-asked_at", "-id"], name="deletion_request_newest")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"
