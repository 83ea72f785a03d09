"""An image: one de-identified picture of a case."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _


class Image(models.Model):
    """One picture, stored as a PNG without metadata under a name made from its content.

    The cohort stands here again, since a unique constraint cannot look through the
    case: the same file twice in a cohort is recognised by it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Both are found by the constraints below (models/__init__.py).
    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, db_index=False, related_name="images")
    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="images"
    )
    position = models.PositiveIntegerField(_("position in the case"), default=0)
    source_sha256 = models.CharField(_("SHA-256 of the upload"), max_length=64)
    source_format = models.CharField(_("format of the upload"), max_length=20)
    source_bytes = models.PositiveBigIntegerField(_("size of the upload, bytes"))
    file = models.CharField(_("stored under"), max_length=120)
    frame = models.PositiveIntegerField(
        _("place in the file"), default=0, help_text=_("Of a file of many pictures, from 0.")
    )
    width = models.PositiveIntegerField(_("width, pixels"))
    height = models.PositiveIntegerField(_("height, pixels"))
    bit_depth = models.PositiveSmallIntegerField(_("bits a channel"))
    colour = models.CharField(_("colour"), max_length=4, choices=[("grey", _("grey")), ("rgb", _("RGB"))])
    notices = models.JSONField(_("what was changed on the way in"), default=list, blank=True)
    geometry = models.JSONField(
        _("place in the patient"),
        default=dict,
        blank=True,
        help_text=_("As inference.geometry.Geometry has it; empty where the file did not tell."),
    )
    intensity = models.JSONField(
        _("what greys stand for"),
        default=dict,
        blank=True,
        help_text=_("As inference.formats.Intensity has it; empty where the file did not tell."),
    )
    deidentification = models.JSONField(
        _("what was done against names"),
        default=dict,
        blank=True,
        help_text=_("Codes of the profile (PS3.16, CID 7050), and what was kept; empty for a web picture."),
    )
    instance_key = models.CharField(
        _("key of the instance"),
        max_length=32,
        blank=True,
        default="",
        editable=False,
        help_text=_("A keyed hash of the identifier in the file (cases/intake/deidentification.py)."),
    )
    likeness = models.CharField(
        _("hash of what is shown"),
        max_length=64,
        blank=True,
        default="",
        editable=False,
        help_text=_("As inference.likeness makes it; empty where the picture shows nothing."),
    )
    brightness = models.FloatField(
        _("brightness"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Mean grey as it is shown, 0 black to 1 white: what drift is told by."),
    )
    picture = models.UUIDField(
        _("picture"),
        default=uuid.uuid4,
        editable=False,
        help_text=_("The same for all copies of one picture, in whatever cohort (cases/intake/copies.py)."),
    )
    deleted_at = models.DateTimeField(
        _("deleted"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Nothing is stored any more, and what told of the file is erased here (cases/deletion)."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        ordering: ClassVar = ["case", "position"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cohort", "source_sha256", "frame"], name="image_once_a_cohort"),
            models.UniqueConstraint(fields=["case", "position"], name="image_position_in_case"),
        ]
        indexes: ClassVar = [
            # The same picture in another cohort is found by it (cases/blinding.py).
            models.Index(fields=["picture"], name="image_same_picture"),
            # Whether a stored file is anybody's still.
            models.Index(fields=["file"], name="image_same_pixels"),
            # Whether a cohort has another picture of the same identifier.
            models.Index(
                fields=["instance_key", "cohort"],
                name="image_same_instance",
                condition=~models.Q(instance_key=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case} [{self.position}]"
