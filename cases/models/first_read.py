"""A first read: what a reader of a blinded cohort committed before the network's result was shown."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.models.statement import Confidence, StatementFields, other_finding_named


class FirstRead(StatementFields):
    """Locked when it is made; the database refuses to change or delete a row."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Found by constraint and index below (models/__init__.py).
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, db_index=False, related_name="first_reads"
    )
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="first_reads"
    )
    read_class = models.CharField(_("class by the reader"), max_length=40)
    created_at = models.DateTimeField(_("committed"), auto_now_add=True)

    class Meta:
        verbose_name = _("first read")
        verbose_name_plural = _("first reads")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "reader"], name="first_read_once_a_reader"),
            models.CheckConstraint(
                condition=Q(confidence__in=Confidence.values), name="first_read_confidence_known"
            ),
            models.CheckConstraint(
                condition=other_finding_named("read_class"), name="first_read_other_named"
            ),
        ]
        # Of which cases somebody has committed a read (cases/blinding.py).
        indexes: ClassVar = [models.Index(fields=["reader", "case"], name="first_read_of_reader")]

    def __str__(self) -> str:
        return f"{self.case}: {self.read_class}"

    @property
    def is_blind(self) -> bool:
        """Whether nothing of the case that could lead the reader had been shown before: `read_blind`."""
        return not (self.seen_network_at or self.seen_truth_at or self.seen_peers_at)


def not_knowing(prefix: str = "") -> Q:
    """The condition that a first read was made by somebody who had been shown neither the known class nor
    other readers: of anybody else it fills no slot, and the review that follows is a remark.
    """
    return Q(**{f"{prefix}seen_truth_at__isnull": True, f"{prefix}seen_peers_at__isnull": True})


def read_blind(prefix: str = "") -> Q:
    """The condition that a first read (at the end of the path `prefix`) was made blind: its reader may have
    been shown the result before, in another role.
    """
    return Q(**{f"{prefix}seen_network_at__isnull": True}) & not_knowing(prefix)
