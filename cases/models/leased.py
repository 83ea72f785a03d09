"""What a row has that waits for a worker: who has taken it, how often that was tried, and when it is due."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Leased(models.Model):
    """The row is the outbox, which cases/leases.py takes from.

    next_at: nobody takes it before. Whoever takes it moves that ahead, so that one left by a worker that died
    is taken again; empty where nobody was at it yet.
    """

    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    token = models.UUIDField(_("token of the attempt"), null=True, blank=True, editable=False)
    next_at = models.DateTimeField(_("due at"), null=True, blank=True)

    class Meta:
        abstract = True
