"""Tombstones: that something was deleted, when, by whom and why. Rows are only ever added."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import DeletionKind, DeletionReason

MAX_WORDS = 300


class Deletion(models.Model):
    """One act. Nothing here tells of a patient.

    by: who asked for it, empty for the operator's command and for what was kept long enough. confirmed_by:
    the second person, where the installation wants one. counts: what went, and what stays, by kind.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("what was deleted"), max_length=10, choices=DeletionKind.choices)
    # Found by the index below (models/__init__.py).
    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="deletions"
    )
    case = models.ForeignKey(
        "cases.Case", null=True, blank=True, on_delete=models.PROTECT, related_name="deletions"
    )
    reason = models.CharField(_("reason"), max_length=20, choices=DeletionReason.choices)
    words = models.CharField(_("reason in words"), max_length=MAX_WORDS, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="+",
    )
    counts = models.JSONField(_("how much"), default=dict)
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("deletion")
        verbose_name_plural = _("deletions")
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=DeletionKind.values), name="deletion_kind_known"),
            models.CheckConstraint(
                condition=Q(reason__in=DeletionReason.values), name="deletion_reason_known"
            ),
            models.CheckConstraint(
                condition=Q(by__isnull=True) | Q(confirmed_by__isnull=True) | ~Q(by=models.F("confirmed_by")),
                name="deletion_confirmed_by_another",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["cohort", "-at", "-id"], name="deletion_of_cohort")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind}"


class DeletedPicture(models.Model):
    """One picture that went.

    digest: a keyed digest of the file's, which tells its cohort whether the same file comes again, and nobody
    without the key which file it was (cases/deletion/digests.py).
    """

    image = models.OneToOneField(
        "cases.Image", primary_key=True, on_delete=models.PROTECT, related_name="tombstone"
    )
    deletion = models.ForeignKey(Deletion, on_delete=models.PROTECT, related_name="pictures")
    digest = models.CharField(_("keyed digest"), max_length=32)

    class Meta:
        verbose_name = _("deleted picture")
        verbose_name_plural = _("deleted pictures")
        ordering: ClassVar = ["deletion", "image"]
        indexes: ClassVar = [models.Index(fields=["digest"], name="deleted_picture_again")]

    def __str__(self) -> str:
        return str(self.pk)
