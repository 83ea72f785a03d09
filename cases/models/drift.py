"""What weeks of a cohort are held against, and what was found to have moved."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import DriftRule
from cases.models.statement import MAX_REASON

if TYPE_CHECKING:
    from cases.models.model_version import ModelVersion


class DriftBaseline(models.Model):
    """How one network and its readers were in one period of a cohort. Rows are only ever added: the newest
    of a cohort is the one that holds.

    since, until: both days belong to the period. measured: what was counted in it, as
    cases.governance.measured.Measured has it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="drift_baselines"
    )
    version = models.ForeignKey(
        "cases.ModelVersion", on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    since = models.DateField(_("first day"))
    until = models.DateField(_("last day"))
    measured = models.JSONField(_("what was counted"))
    reason = models.CharField(_("reason"), max_length=MAX_REASON)
    frozen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    frozen_at = models.DateTimeField(_("frozen"), auto_now_add=True)

    class Meta:
        verbose_name = _("drift baseline")
        verbose_name_plural = _("drift baselines")
        ordering: ClassVar = ["-frozen_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(until__gte=models.F("since")), name="baseline_days_in_order"),
        ]
        indexes: ClassVar = [models.Index(fields=["cohort", "-frozen_at"], name="baseline_of_cohort")]

    def __str__(self) -> str:
        return f"{self.cohort}, {self.since} to {self.until}"


class DriftAlert(models.Model):
    """One rule that one week, or one re-analysis of the sentinels (`check`), broke. value: what was found;
    low, high: what it was to lie between.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="drift_alerts"
    )
    baseline = models.ForeignKey(
        DriftBaseline, null=True, blank=True, on_delete=models.PROTECT, related_name="alerts"
    )
    sentinel_check = models.OneToOneField(
        "cases.SentinelCheck", null=True, blank=True, on_delete=models.PROTECT, related_name="alert"
    )
    rule = models.CharField(_("rule"), max_length=20, choices=DriftRule.choices)
    week = models.DateField(_("week from"))
    value = models.FloatField(_("value"))
    low = models.FloatField(_("lower limit"))
    high = models.FloatField(_("upper limit"))
    n = models.PositiveIntegerField(_("of how many"))
    raised_at = models.DateTimeField(_("raised"), auto_now_add=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
    )
    acknowledged_at = models.DateTimeField(_("acknowledged"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=MAX_REASON, blank=True)

    class Meta:
        verbose_name = _("drift alert")
        verbose_name_plural = _("drift alerts")
        ordering: ClassVar = ["-week", "rule"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["cohort", "rule", "week"],
                name="drift_alert_once_a_week",
                condition=Q(sentinel_check__isnull=True),
            ),
            models.CheckConstraint(
                condition=Q(rule=DriftRule.SENTINEL, baseline__isnull=True, sentinel_check__isnull=False)
                | ~Q(rule=DriftRule.SENTINEL) & Q(baseline__isnull=False, sentinel_check__isnull=True),
                name="drift_alert_of_one_thing",
            ),
            models.CheckConstraint(condition=Q(rule__in=DriftRule.values), name="drift_rule_known"),
        ]

    def __str__(self) -> str:
        return f"{self.cohort}: {self.rule}, {self.week}"

    @property
    def version(self) -> ModelVersion:
        """The network that it is about."""
        # One of both is there, by constraint.
        return self.sentinel_check.version if self.sentinel_check else self.baseline.version  # type: ignore[union-attr]
