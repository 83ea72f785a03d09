"""A model version: one shipped network, known by its manifest."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.translation import label_of


class ModelVersion(models.Model):
    """A network as its manifest described it when it was registered.

    The class order stands in the manifest and nowhere else; `manifest` is the copy, without the hashes of
    the training images, that results made by this version are read with, for ever.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=80, unique=True)
    weights_sha256 = models.CharField(_("SHA-256 of the weights"), max_length=64)
    manifest = models.JSONField(_("manifest"))
    is_active = models.BooleanField(_("active"), default=False)
    is_candidate = models.BooleanField(
        _("candidate"),
        default=False,
        help_text=_("Was never active: what it says is kept apart, and shown to no reader."),
    )
    registered_at = models.DateTimeField(_("registered"), auto_now_add=True)

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        ordering: ClassVar = ["-registered_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["is_active"], condition=Q(is_active=True), name="one_active_model_version"
            ),
            models.CheckConstraint(
                condition=Q(is_active=False) | Q(is_candidate=False), name="candidate_is_not_active"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def compiled_sha256(self) -> str:
        """Digest of the form that LiteRT runs; empty where it was registered without one."""
        digest: str = (self.manifest.get("compiled") or {}).get("sha256", "")
        return digest

    @property
    def classes(self) -> list[dict[str, str]]:
        """The classes in the network's order, each with `code` and `label`."""
        return [entry | {"label": label_of(entry)} for entry in self.manifest["classes"]]

    @property
    def class_labels(self) -> dict[str, str]:
        """Label by code, in the network's order."""
        return {entry["code"]: entry["label"] for entry in self.classes}

    @property
    def negative_class(self) -> str | None:
        """Code of the class that means "nothing found"; None where the manifest names none."""
        code: str | None = self.manifest.get("negative_class")
        return code

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The layers that heat maps exist for, shallow to deep; none where the network gives no maps."""
        return [entry | {"label": label_of(entry)} for entry in self.manifest["layers"]]
