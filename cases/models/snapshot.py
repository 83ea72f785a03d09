"""A snapshot: what was reviewed, as it was at one moment, in files that every format is made of."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import SnapshotState
from cases.models.leased import Leased


class Snapshot(Leased):
    """Rows frozen at `as_of`. Once it is ready nothing of it changes, and its digest names its content.

    files: what each table is stored under. counts: rows by table. digest: SHA-256 over the rows of all
    tables.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="snapshots"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    as_of = models.DateTimeField(_("state of"), null=True, blank=True)
    filters = models.JSONField(_("filters"), default=dict, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=SnapshotState.choices, default=SnapshotState.QUEUED
    )
    rows_written = models.PositiveIntegerField(_("rows so far"), default=0)
    rows_expected = models.PositiveIntegerField(_("rows expected"), default=0)
    counts = models.JSONField(_("rows by table"), default=dict, blank=True)
    files = models.JSONField(_("stored under"), default=dict, blank=True)
    digest = models.CharField(_("SHA-256"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=SnapshotState.values), name="snapshot_state_known"),
            models.CheckConstraint(
                condition=~Q(state=SnapshotState.READY) | (Q(as_of__isnull=False) & ~Q(digest="")),
                name="snapshot_ready_has_a_digest",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["cohort", "-created_at"], name="snapshot_of_cohort")]

    def __str__(self) -> str:
        return str(self.pk)
