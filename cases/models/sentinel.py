"""What networks say of the sentinels of a cohort, apart from all that readers may be shown."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import GateVerdict


class SentinelCheck(models.Model):
    """One analysis of a cohort's sentinels by the network that became active."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="sentinel_checks"
    )
    version = models.ForeignKey(
        "cases.ModelVersion", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("sentinel check")
        verbose_name_plural = _("sentinel checks")
        ordering: ClassVar = ["-started_at", "-id"]
        indexes: ClassVar = [models.Index(fields=["cohort", "-started_at"], name="sentinel_check_of_cohort")]

    def __str__(self) -> str:
        return f"{self.cohort}: {self.version}"


class SentinelAnswer(models.Model):
    """What the network says of one image; no class until it has been asked. This row is the outbox.

    No prediction: results of a new network for some cases alone would tell readers which these are.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    check_run = models.ForeignKey(
        SentinelCheck, on_delete=models.CASCADE, db_index=False, related_name="answers"
    )
    image = models.ForeignKey("cases.Image", on_delete=models.CASCADE, related_name="sentinel_answers")
    predicted_class = models.CharField(_("predicted class"), max_length=40, blank=True)
    suspicion = models.FloatField(_("suspicion"), default=0.0)
    gate_verdict = models.CharField(
        _("verdict of the input gate"), max_length=10, choices=GateVerdict.choices, blank=True
    )
    in_training = models.BooleanField(_("was in the training data"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    error = models.TextField(_("what went wrong"), blank=True)

    class Meta:
        verbose_name = _("sentinel answer")
        verbose_name_plural = _("sentinel answers")
        ordering: ClassVar = ["check_run", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["check_run", "image"], name="sentinel_answer_once_a_check"),
        ]

    def __str__(self) -> str:
        return f"{self.image}: {self.predicted_class}"
