"""A stored file that is to go: the row is the outbox, and is there until the file is not."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class FileRemoval(models.Model):
    """A name in the storage. Written in the transaction after which nothing may stand under it any more."""

    name = models.CharField(_("stored under"), max_length=120, primary_key=True)
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    class Meta:
        verbose_name = _("file to be removed")
        verbose_name_plural = _("files to be removed")
        ordering: ClassVar = ["created_at", "name"]
        indexes: ClassVar = [models.Index(fields=["created_at", "name"], name="file_removal_oldest")]

    def __str__(self) -> str:
        return self.name
