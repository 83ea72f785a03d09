"""A cohort: the cases that belong together, and the protocol that they are read under."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import Reading, ReadingOrder
from cases.models.protocol import ProtocolFields


class Cohort(ProtocolFields):
    """Cases that are read under one set of people and one protocol.

    The protocol's fields here are those for cases whose reading has not begun. They change through
    `cases.reading.protocols` only.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120, unique=True)
    description = models.TextField(_("description"), blank=True)
    protocol_version = models.PositiveIntegerField(_("version of the protocol"), default=1, editable=False)
    takes_other_modalities = models.BooleanField(
        _("takes other modalities than MR"),
        default=False,
        help_text=_("The network knows MR alone: its input gate marks what is none."),
    )
    keeps_originals = models.BooleanField(
        _("keeps references to originals"),
        default=False,
        db_default=False,
        help_text=_("Encrypted, so that reports can be sent into the studies that the pictures came from."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(
        _("deleted"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("All of its cases are deleted, and it takes no more."),
    )
    retention_days = models.PositiveIntegerField(
        _("days that cases are kept"),
        null=True,
        blank=True,
        help_text=_("After these days, cases that are over are proposed for deletion; empty for ever."),
    )
    # The plan: what the study has set itself, and is measured by.
    planned_readers = models.PositiveSmallIntegerField(_("planned readers"), null=True, blank=True)
    planned_cases = models.PositiveIntegerField(_("planned cases a reader"), null=True, blank=True)
    planned_until = models.DateField(_("planned end"), null=True, blank=True)

    class Meta:
        verbose_name = _("cohort")
        verbose_name_plural = _("cohorts")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(readers_required__gte=1), name="cohort_wants_a_reader"),
            models.CheckConstraint(
                condition=models.Q(reading__in=Reading.values), name="cohort_reading_known"
            ),
            models.CheckConstraint(
                condition=models.Q(reading_order__in=ReadingOrder.values), name="cohort_order_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name
