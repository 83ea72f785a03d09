"""A disclosure: that somebody was shown something of a case, and when first. Rows are only ever added."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import Shown


class Disclosure(models.Model):
    """One kind of thing, shown to one person, of one case; `shown_at` is the first time.

    What somebody has seen cannot be taken back by another role, so that the row outlives the membership.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="disclosures")
    # Found by the constraint below (models/__init__.py).
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    kind = models.CharField(_("what was shown"), max_length=10, choices=Shown.choices)
    shown_at = models.DateTimeField(_("shown first"), auto_now_add=True)

    class Meta:
        verbose_name = _("disclosure")
        verbose_name_plural = _("disclosures")
        ordering: ClassVar = ["-shown_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "case", "kind"], name="disclosure_once"),
            models.CheckConstraint(condition=Q(kind__in=Shown.values), name="disclosure_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.kind}"
