"""A protocol: how the cases of a cohort are read."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import Reading, ReadingOrder

MAX_READERS = 20


class ProtocolFields(models.Model):
    """What a protocol settles; the cohort carries the newest, `Protocol` keeps each that was read under."""

    reading = models.CharField(_("reading"), max_length=10, choices=Reading.choices, default=Reading.AI_FIRST)
    readers_required = models.PositiveSmallIntegerField(
        _("readers a case"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MAX_READERS)],
        help_text=_("A case counts as reviewed once this many people have read it."),
    )
    reading_order = models.CharField(
        _("order"), max_length=10, choices=ReadingOrder.choices, default=ReadingOrder.OLDEST
    )
    adjudicator = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("adjudicator"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("Decides where the readers of a case differ. Empty: nobody does."),
    )
    reveals_ground_truth = models.BooleanField(
        _("known classes are shown"),
        default=True,
        help_text=_("Where the class of a case is known, a reader who has finished the case is shown it."),
    )
    has_sentinels = models.BooleanField(
        _("sentinels are among the cases"),
        default=False,
        db_default=False,
        help_text=_("Cases of known answer may be mixed in, which readers cannot tell from the others."),
    )

    class Meta:
        abstract = True


class Protocol(ProtocolFields):
    """One version of a cohort's protocol, kept for ever once a case was read under it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey("cases.Cohort", on_delete=models.PROTECT, related_name="protocols")
    version = models.PositiveIntegerField(_("version"))
    created_at = models.DateTimeField(_("frozen"), auto_now_add=True)

    class Meta:
        verbose_name = _("protocol")
        verbose_name_plural = _("protocols")
        ordering: ClassVar = ["cohort", "-version"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cohort", "version"], name="protocol_version_once"),
            models.CheckConstraint(
                condition=models.Q(reading__in=Reading.values), name="protocol_reading_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cohort}, {self.version}"
