"""Whether, and when, the reviewed cases of a cohort are sent to one destination."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import SendingMoment


class SendingRule(models.Model):
    """One destination of a cohort; where there is no row, nothing is sent there.

    The destination is the name of one in the settings (cases/exchange/destinations.py): no address and no
    secret stands in the database. looked_at: up to when statements have been looked through for what is to be
    sent by itself; what became final before the rule is sent by hand alone.
    """

    cohort = models.ForeignKey(
        "cases.Cohort", on_delete=models.CASCADE, db_index=False, related_name="sending_rules"
    )
    destination = models.CharField(_("destination"), max_length=32)
    moment = models.CharField(_("when"), max_length=10, choices=SendingMoment.choices)
    since = models.DateTimeField(_("since"))
    looked_at = models.DateTimeField(_("looked through up to"))

    class Meta:
        verbose_name = _("sending rule")
        verbose_name_plural = _("sending rules")
        ordering: ClassVar = ["cohort", "destination"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cohort", "destination"], name="sending_rule_once"),
            models.CheckConstraint(
                condition=models.Q(moment__in=SendingMoment.values), name="sending_rule_moment_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.cohort} -> {self.destination}"
