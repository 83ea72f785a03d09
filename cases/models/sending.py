"""A sending: one reviewed case on its way to one archive, and what that answered."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import SendingState
from cases.models.leased import Leased


class Sending(Leased):
    """What waits for an archive, or went there.

    content: a digest of the statements that it tells. answer: numbers and codes alone, since the words of a
    peer may hold anything.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Both are found by the indexes below (models/__init__.py).
    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, db_index=False, related_name="sendings")
    cohort = models.ForeignKey("cases.Cohort", on_delete=models.CASCADE, db_index=False, related_name="+")
    destination = models.CharField(_("destination"), max_length=32)
    content = models.CharField(_("digest of what is told"), max_length=64)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
        help_text=_("Empty where the cohort sends by itself."),
    )
    state = models.CharField(
        _("state"), max_length=10, choices=SendingState.choices, default=SendingState.WAITING
    )
    instances = models.PositiveIntegerField(_("instances"), default=0)
    answer = models.JSONField(_("answer"), default=dict, blank=True)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("sending")
        verbose_name_plural = _("sendings")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=SendingState.values), name="sending_state_known"),
            models.CheckConstraint(
                condition=Q(state=SendingState.WAITING, ended_at__isnull=True)
                | (~Q(state=SendingState.WAITING) & Q(ended_at__isnull=False)),
                name="sending_ended_has_a_time",
            ),
            models.UniqueConstraint(
                fields=["case", "destination"],
                condition=Q(state=SendingState.WAITING),
                name="sending_waits_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["case", "destination"], name="sending_of_case"),
            models.Index(fields=["cohort", "-created_at", "-id"], name="sending_newest"),
            models.Index(
                fields=["destination", "next_at"],
                name="sending_due",
                condition=Q(state=SendingState.WAITING),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} -> {self.destination}"
