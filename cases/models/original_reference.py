"""What names an image in the archive that it comes from, encrypted."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class OriginalReference(models.Model):
    """Only of cohorts that may keep it, and never read but to send a report (cases/intake/originals.py)."""

    image = models.OneToOneField(
        "cases.Image", primary_key=True, on_delete=models.CASCADE, related_name="original_reference"
    )
    sealed = models.TextField(_("encrypted"))

    class Meta:
        verbose_name = _("reference to the original")
        verbose_name_plural = _("references to originals")
        ordering: ClassVar = ["image"]

    def __str__(self) -> str:
        return str(self.pk)
