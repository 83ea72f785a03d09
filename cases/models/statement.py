"""What every statement of a reader has in common: the class, how sure, and what was marked."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import OTHER_FINDING

MAX_COMMENT = 4000
MAX_OTHER_FINDING = 200
MAX_REASON = 1000


class Confidence(models.IntegerChoices):
    """How sure the reader is, in words and on a five-point scale."""

    GUESS = 1, _("Very unsure")
    UNSURE = 2, _("Unsure")
    FAIR = 3, _("Fairly sure")
    SURE = 4, _("Sure")
    CERTAIN = 5, _("Certain")


class StatementFields(models.Model):
    """A class in a reader's words. Only ever added."""

    other_finding = models.CharField(
        _("other finding"),
        max_length=MAX_OTHER_FINDING,
        blank=True,
        default="",
        db_default="",
        help_text=_("What the reader sees, where it is none of the network's classes."),
    )
    confidence = models.PositiveSmallIntegerField(_("confidence"), choices=Confidence.choices)
    comment = models.TextField(_("comment"), blank=True, max_length=MAX_COMMENT)
    region = models.JSONField(
        _("marked region"),
        null=True,
        blank=True,
        help_text=_("In pixels of the image, as inference.regions describes it."),
    )
    active_seconds = models.FloatField(
        _("reading time, seconds"),
        null=True,
        blank=True,
        help_text=_("With the page in sight and the reader active; empty where it was not measured."),
    )
    # Copied from the disclosures when the statement is made: what had been shown to its author by then.
    seen_network_at = models.DateTimeField(_("network's result shown before"), null=True, blank=True)
    seen_truth_at = models.DateTimeField(_("known class shown before"), null=True, blank=True)
    seen_peers_at = models.DateTimeField(_("other readers shown before"), null=True, blank=True)
    protocol = models.ForeignKey(
        "cases.Protocol",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,  # models/__init__.py
        related_name="+",
    )

    class Meta:
        abstract = True


def other_finding_named(class_field: str) -> Q:
    """Words for another finding stand where, and only where, the class says that there is one."""
    return Q(**{class_field: OTHER_FINDING}) & ~Q(other_finding="") | ~Q(**{class_field: OTHER_FINDING}) & Q(
        other_finding=""
    )
