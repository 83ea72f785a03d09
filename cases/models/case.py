"""A case: what a reader reads as one."""

from __future__ import annotations

import secrets
import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Substr
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import UNREAD_STATES, CaseState, Priority

# Crockford's base 32: no I, L, O or U, so that a code can be read out on the telephone.
CODE_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# As people type it, as a regular expression.
CODE_SHAPE = "[0-9A-Za-z]{4}-[0-9A-Za-z]{4}"
SHUFFLE_END = 2**31


def new_shuffle() -> int:
    """A place in the random order of reading, drawn once for each case."""
    return secrets.randbelow(SHUFFLE_END)


def new_case_code() -> str:
    """An opaque public name such as “K7QF-2M9D”; 40 random bits, unique by constraint."""
    letters = "".join(secrets.choice(CODE_ALPHABET) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


# Of a code, by which it may be looked for.
SECOND_HALF = Substr("code", 6)
# Analysed, and not read by all: what a reader may be offered.
# “Not empty” is a condition for which no database takes the index by class.
READY = models.Q(~models.Q(key_class=""), state__in=UNREAD_STATES)


class Case(models.Model):
    """One case of a cohort, under an opaque code; nothing here names a patient.

    `key_class`, `key_gate` and `key_probability` repeat the result that stands for the case, so that a
    worklist of 100,000 cases can be narrowed and sorted by it, and its rows show it.
    `cases.analysis.key_result` keeps them; who filters or sorts by them or shows them asks `cases.blinding`
    as well. A class is empty where there is no result; a certainty is where there is none to be shown, as of
    a refused image.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    code = models.CharField(_("code"), max_length=9, unique=True, default=new_case_code, editable=False)
    # No index of few values (models/__init__.py): those below begin with the cohort.
    cohort = models.ForeignKey("cases.Cohort", on_delete=models.PROTECT, db_index=False, related_name="cases")
    state = models.CharField(_("state"), max_length=12, choices=CaseState.choices, default=CaseState.OPEN)
    ground_truth = models.CharField(
        _("ground truth"),
        max_length=40,
        blank=True,
        help_text=_("The code of the known class, where the cohort came with labels."),
    )
    patient = models.CharField(
        _("patient key"),
        max_length=32,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text=_("A keyed digest of a pseudonym, equal for cases of one patient of the cohort."),
    )
    is_simulated = models.BooleanField(
        _("simulated"), default=False, help_text=_("Made for demonstration; never in a figure.")
    )
    is_quarantined = models.BooleanField(
        _("quarantined"),
        default=False,
        db_default=False,
        help_text=_("A picture may show a name: only administrators see the case until one has looked."),
    )
    is_sentinel = models.BooleanField(
        _("sentinel"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("A case of known answer that tests readers and networks; in no figure of the study."),
    )
    protocol = models.ForeignKey(
        "cases.Protocol",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        db_index=False,
        related_name="cases",
        help_text=_("The version that its reading began under; empty before."),
    )
    deleted_at = models.DateTimeField(
        _("deleted"),
        null=True,
        blank=True,
        editable=False,
        help_text=_("Its pictures are gone; what was read of it still counts."),
    )
    priority = models.PositiveSmallIntegerField(
        _("priority"), choices=Priority.choices, default=Priority.ROUTINE, db_default=Priority.ROUTINE
    )
    shuffle = models.PositiveIntegerField(
        _("place in the random order"), default=new_shuffle, db_default=0, editable=False
    )
    key_class = models.CharField(
        _("class that stands"), max_length=40, blank=True, default="", db_default="", editable=False
    )
    key_gate = models.CharField(
        _("gate's verdict that stands"), max_length=10, blank=True, default="", db_default="", editable=False
    )
    key_probability = models.FloatField(_("probability that stands"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, db_index=False, related_name="+"
    )
    created_at = models.DateTimeField(_("received"), auto_now_add=True)

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(state__in=CaseState.values), name="case_state_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["cohort", "state", "-created_at", "-id"], name="case_worklist"),
            models.Index(fields=["-created_at", "-id"], name="case_newest"),
            # The worklist reads each cohort's first page in the order asked for (cases/worklist/sorting.py).
            models.Index(fields=["cohort", "-created_at", "-id"], name="case_in_cohort"),
            models.Index(fields=["cohort", "code"], name="case_by_code"),
            models.Index(SECOND_HALF, name="case_by_second_half"),
            models.Index(fields=["cohort", "priority", "created_at", "id"], name="case_by_priority"),
            models.Index(fields=["cohort", "key_probability", "created_at", "id"], name="case_by_certainty"),
            models.Index(fields=["cohort", "key_class", "-created_at", "-id"], name="case_by_class"),
            models.Index(fields=["cohort", "key_gate", "-created_at", "-id"], name="case_by_gate"),
            models.Index(
                fields=["cohort", "code"], name="case_sentinels", condition=models.Q(is_sentinel=True)
            ),
            # What waits for a reader, in the three orders of reading (cases/worklist/reading_queue.py).
            models.Index(fields=["cohort", "created_at", "id"], name="case_next_oldest", condition=READY),
            models.Index(
                fields=["cohort", "priority", "created_at", "id"], name="case_next_urgent", condition=READY
            ),
            models.Index(
                fields=["cohort", "shuffle", "created_at", "id"], name="case_next_random", condition=READY
            ),
        ]

    def __str__(self) -> str:
        return self.code
