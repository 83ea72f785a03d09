"""What a candidate has to reach before it may be used, stated beforehand; and what was decided of it."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import AcceptanceStandard
from cases.models.statement import MAX_REASON


class AcceptanceBounds(models.Model):
    """Bounds of one comparison. Rows are only ever added, and before anybody may look.

    margin: by how much the share right may be smaller, as a fraction. least_recall: by class, what the lower
    end of the candidate's interval has to reach. least_n: cases that each of these classes needs.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="acceptance_bounds"
    )
    candidate = models.ForeignKey(
        "cases.ModelVersion", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    against = models.ForeignKey(
        "cases.ModelVersion", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    snapshot = models.ForeignKey("cases.Snapshot", on_delete=models.PROTECT, related_name="+")
    standard = models.CharField(_("held against"), max_length=10, choices=AcceptanceStandard.choices)
    margin = models.FloatField(_("margin"), validators=[MinValueValidator(0), MaxValueValidator(0.5)])
    least_recall = models.JSONField(_("least recall by class"), default=dict, blank=True)
    least_n = models.PositiveIntegerField(_("least number of cases"), validators=[MinValueValidator(1)])
    reason = models.CharField(_("reason"), max_length=MAX_REASON)
    stated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    stated_at = models.DateTimeField(_("stated"), auto_now_add=True)

    class Meta:
        verbose_name = _("acceptance bounds")
        verbose_name_plural = _("acceptance bounds")
        ordering: ClassVar = ["-stated_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(standard__in=AcceptanceStandard.values), name="bounds_standard_known"
            ),
            models.CheckConstraint(
                condition=Q(margin__gte=0, margin__lte=0.5), name="bounds_margin_is_a_fraction"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["cohort", "-stated_at"], name="bounds_of_cohort")]

    def __str__(self) -> str:
        return f"{self.candidate}, {self.cohort}"


class ModelDecision(models.Model):
    """That a candidate was promoted, or refused, with the figures that it was decided on. Rows are only ever
    added.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bounds = models.OneToOneField(AcceptanceBounds, on_delete=models.PROTECT, related_name="decision")
    is_promoted = models.BooleanField(_("promoted"))
    reason = models.CharField(_("reason"), max_length=MAX_REASON)
    figures = models.JSONField(_("figures"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided"), auto_now_add=True)

    class Meta:
        verbose_name = _("decision on a candidate")
        verbose_name_plural = _("decisions on candidates")
        ordering: ClassVar = ["-decided_at", "-id"]

    def __str__(self) -> str:
        return f"{self.bounds}: {self.is_promoted}"
