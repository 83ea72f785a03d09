"""The figures of a large cohort under one filter, as the maintenance worker last computed them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cases.models.leased import Leased


class ComputedFigures(Leased):
    """What a page asks for and shows once it is there; nothing of it but what can be computed anew.

    key: of the filters, the language and the settings that make them. asked_at: when a page last wanted them
    newer than they are. answer: what the page shows, None before the first time.
    """

    cohort = models.ForeignKey("cases.Cohort", on_delete=models.CASCADE, db_index=False, related_name="+")
    key = models.CharField(max_length=64)
    filters = models.JSONField(_("filters"), default=dict, blank=True)
    language = models.CharField(_("language"), max_length=10)
    asked_at = models.DateTimeField(_("asked for"))
    as_of = models.DateTimeField(_("state of"), null=True, blank=True)
    has_failed = models.BooleanField(_("could not be computed"), default=False)
    answer = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name = _("computed figures")
        verbose_name_plural = _("computed figures")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cohort", "key"], name="computed_figures_once"),
        ]

    def __str__(self) -> str:
        return f"{self.cohort_id} {self.key}"

    @property
    def is_awaited(self) -> bool:
        """Whether newer ones are asked for."""
        return self.as_of is None or self.asked_at > self.as_of


def awaited() -> Q:
    """Those that `is_awaited`."""
    return Q(as_of__isnull=True) | Q(asked_at__gt=F("as_of"))
