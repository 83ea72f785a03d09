"""A claim: who reads a case just now. It runs out by itself."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Claim(models.Model):
    """One reader's slot of a case, until `expires_at`."""

    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, db_index=False, related_name="claims")
    reader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="claims")
    expires_at = models.DateTimeField(_("until"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("claim")
        verbose_name_plural = _("claims")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["case", "reader"], name="claim_once_a_reader"),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="claim_expiry")]

    def __str__(self) -> str:
        return f"{self.case}: {self.reader}"
