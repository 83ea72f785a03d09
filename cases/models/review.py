"""A review: what a reader said of a case. Rows are only ever added."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import Verdict
from cases.models.statement import Confidence, StatementFields, other_finding_named


class Review(StatementFields):
    """One statement of one reader; an amendment is a new row that names the old one. What is said after the
    answer was shown is a remark (docs/adr/0012); `standing` leaves it out.

    The database itself refuses to change or delete a row (migration 0002).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Case and reader are found by the index below (models/__init__.py).
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, db_index=False, related_name="reviews")
    prediction = models.ForeignKey("cases.Prediction", on_delete=models.PROTECT, related_name="reviews")
    reader = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="reviews"
    )
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict.choices)
    final_class = models.CharField(
        _("class by the reader"),
        max_length=40,
        help_text=_("The predicted class where the reader agrees, the reader's own otherwise."),
    )
    heat_in_region = models.FloatField(
        _("heat in the region"),
        null=True,
        blank=True,
        help_text=_(
            "Share of the last layer's heat for the predicted class; empty without a region or without heat."
        ),
    )
    amends = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="amended_by"
    )
    is_remark = models.BooleanField(
        _("later remark"),
        default=False,
        db_default=False,
        help_text=_("Said with the known class or other readers in sight, or of a dispute: counted nowhere."),
    )
    reason = models.TextField(_("reason for the amendment"), blank=True, max_length=1000)
    created_at = models.DateTimeField(_("given"), auto_now_add=True)

    class Meta:
        verbose_name = _("review")
        verbose_name_plural = _("reviews")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["case", "reader"],
                condition=Q(amends__isnull=True),
                name="review_first_once_a_reader",
            ),
            models.CheckConstraint(condition=Q(verdict__in=Verdict.values), name="review_verdict_known"),
            models.CheckConstraint(
                condition=Q(confidence__in=Confidence.values), name="review_confidence_known"
            ),
            models.CheckConstraint(
                condition=Q(amends__isnull=True, reason="") | (Q(amends__isnull=False) & ~Q(reason="")),
                name="review_amendment_has_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(is_remark=True) | Q(seen_truth_at__isnull=True, seen_peers_at__isnull=True),
                name="review_counted_saw_no_answer",
            ),
            models.CheckConstraint(condition=~Q(amends=F("id")), name="review_does_not_amend_itself"),
            models.CheckConstraint(condition=other_finding_named("final_class"), name="review_other_named"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["case", "reader"], name="review_of_case"),
            models.Index(fields=["created_at", "id"], name="review_export_order"),
        ]

    def __str__(self) -> str:
        return f"{self.case}: {self.verdict}, {self.final_class}"


def standing(prefix: str = "") -> Q:
    """The condition that a review (at the end of the path `prefix`) is what its reader says of the case for
    the study: as last amended, later remarks left out. They come last in their chain, since what was seen
    stays seen.
    """
    is_last = Q(**{f"{prefix}amended_by__isnull": True}) | Q(**{f"{prefix}amended_by__is_remark": True})
    return Q(**{f"{prefix}is_remark": False}) & is_last
