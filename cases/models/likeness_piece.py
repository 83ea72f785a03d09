"""A piece of the hash of a picture, by which copies of it are found without a look at all pictures."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class LikenessPiece(models.Model):
    """One of the pieces that `inference.likeness.pieces_of` makes of an image's `likeness`."""

    id = models.BigAutoField(primary_key=True)
    image = models.ForeignKey("cases.Image", on_delete=models.CASCADE, related_name="+")
    piece = models.PositiveIntegerField(_("piece"))

    class Meta:
        verbose_name = _("piece of a picture's hash")
        verbose_name_plural = _("pieces of pictures' hashes")
        ordering: ClassVar = ["image", "piece"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["piece", "image"], name="likeness_piece_once"),
        ]

    def __str__(self) -> str:
        return f"{self.image}: {self.piece}"
