"""A cohort: the cases that belong together, and how many readers each wants."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Cohort(models.Model):
    """Cases that are read under one set of people."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("name"), max_length=120, unique=True)
    description = models.TextField(_("description"), blank=True)
    readers_required = models.PositiveSmallIntegerField(
        _("readers a case"),
        default=1,
        validators=[MinValueValidator(1)],
        help_text=_("A case counts as reviewed once this many people have read it."),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("cohort")
        verbose_name_plural = _("cohorts")
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(readers_required__gte=1), name="cohort_wants_a_reader"),
        ]

    def __str__(self) -> str:
        return self.name
