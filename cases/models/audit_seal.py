"""A link of the chain over the record. Rows are only ever added."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditSeal(models.Model):
    """One row of the record as it was when it was sealed, bound to the link before it (cases/record/)."""

    position = models.PositiveBigIntegerField(_("position"), primary_key=True)
    kind = models.CharField(_("kind of row"), max_length=20)
    row = models.UUIDField(_("row"))
    at = models.DateTimeField(_("time of the row"))
    form = models.PositiveSmallIntegerField(
        _("form"), help_text=_("Which fields the digest is over, by the version that made it.")
    )
    content = models.CharField(_("digest of the row"), max_length=64)
    digest = models.CharField(_("digest of the chain"), max_length=64)
    sealed_at = models.DateTimeField(_("sealed"), auto_now_add=True)

    class Meta:
        verbose_name = _("seal of the record")
        verbose_name_plural = _("seals of the record")
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "row"], name="seal_once_a_row"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["kind", "at"], name="seal_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.position}: {self.kind} {self.row}"
