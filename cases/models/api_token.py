"""A token of the REST API: knox's, with a name, scopes, a cohort, and when it was last used."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext_lazy as _
from knox.models import AbstractAuthToken

MAX_NAME = 60


class ApiToken(AbstractAuthToken):  # type: ignore[misc]
    """One script's way in as its owner; only a digest of the token's text is kept.

    A token of one cohort goes with it: without its cohort it must never come to mean all of them.
    """

    name = models.CharField(_("name"), max_length=MAX_NAME)
    scopes = models.JSONField(_("scopes"), default=list)
    cohort = models.ForeignKey(
        "cases.Cohort",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
        verbose_name=_("cohort"),
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering: ClassVar = ["-created"]

    def __str__(self) -> str:
        # knox's own has the digest in it.
        return self.name

    @property
    def limited_to(self) -> UUID | None:
        """The one cohort that it opens, by its key; None for all of its owner's."""
        cohort: UUID | None = self.cohort_id
        return cohort
