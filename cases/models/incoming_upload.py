"""An upload that comes in pieces, until what it holds has become cases or is thrown away."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import IncomingState
from cases.models.leased import Leased


class IncomingUpload(Leased):
    """What waits to be looked at or taken in.

    folder: the operator's name of the folder that the files are read from, in which case nothing of them is
    kept here; empty of files that are sent.

    sealed and told are encrypted, since the names of files are in them: what the sender said, and what would
    become, or became, of the files. pieces: the name and length of each, in order.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Both are found by the indexes below (models/__init__.py).
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, db_index=False, related_name="+"
    )
    cohort = models.ForeignKey("cases.Cohort", on_delete=models.CASCADE, db_index=False, related_name="+")
    state = models.CharField(
        _("state"), max_length=10, choices=IncomingState.choices, default=IncomingState.RECEIVING
    )
    folder = models.CharField(_("folder"), max_length=60, blank=True)  # as portal.settings.env lets it be
    length = models.PositiveBigIntegerField(_("bytes in all"))
    offset = models.PositiveBigIntegerField(_("bytes received"), default=0)
    pieces = models.JSONField(_("pieces"), default=list, blank=True)
    sealed = models.TextField(_("what the sender said"))
    told = models.TextField(_("what becomes of the files"), blank=True)
    left_out = models.JSONField(_("proposed cases that are left out"), default=list, blank=True)
    language = models.CharField(_("language"), max_length=10)
    files = models.PositiveIntegerField(_("files"), default=0)
    files_done = models.PositiveIntegerField(_("files that were read"), default=0)
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    expires_at = models.DateTimeField(_("kept until"))

    class Meta:
        verbose_name = _("incoming upload")
        verbose_name_plural = _("incoming uploads")
        ordering: ClassVar = ["created_at", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=IncomingState.values), name="incoming_state_known"),
            models.CheckConstraint(condition=Q(offset__lte=F("length")), name="incoming_within_length"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "created_at", "id"], name="incoming_of_user"),
            models.Index(fields=["expires_at"], name="incoming_by_age"),
            models.Index(
                fields=["next_at"],
                name="incoming_at_work",
                condition=Q(state__in=(IncomingState.CHECKING, IncomingState.CREATING)),
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
