"""An access event: who looked at what, from where, and when. Rows are only ever added."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AccessKind(models.TextChoices):
    """What was looked at, or tried."""

    SIGN_IN = "sign_in", _("Sign-in")
    SIGN_IN_REFUSED = "sign_in_refused", _("Sign-in refused")
    SIGN_OUT = "sign_out", _("Sign-out")
    CASE = "case", _("Case")
    PICTURE = "picture", _("Picture")
    RESULT = "result", _("Heat map")
    LIST = "list", _("List of cases")
    STUDY = "study", _("Study and figures")
    EXPORT = "export", _("Export")
    PEOPLE = "people", _("People and tokens")
    ADMIN = "admin", _("Django admin")
    API = "api", _("REST")
    OTHER = "other", _("Other page")


class AccessEvent(models.Model):
    """One answered request, by its route, never by its address or what was typed.

    subject: a case's code, or the id that stood in the address; of a sign-in that was refused a keyed digest
    of the name that was tried. via: "session", or the beginning of the token.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    at = models.DateTimeField(_("at"), default=timezone.now)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(_("kind"), max_length=20, choices=AccessKind.choices)
    method = models.CharField(_("method"), max_length=7)
    route = models.CharField(_("route"), max_length=200)
    status = models.PositiveSmallIntegerField(_("status"))
    subject = models.CharField(_("subject"), max_length=64, blank=True)
    cohort = models.ForeignKey(
        "cases.Cohort", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    address = models.CharField(_("from"), max_length=45, blank=True)
    via = models.CharField(_("by"), max_length=24, blank=True)
    request_id = models.CharField(_("request"), max_length=32, blank=True)

    class Meta:
        verbose_name = _("access event")
        verbose_name_plural = _("access events")
        ordering: ClassVar = ["-at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(kind__in=AccessKind.values), name="access_kind_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["cohort", "-at", "-id"], name="access_of_cohort"),
            models.Index(fields=["-at", "-id"], name="access_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.kind} {self.method} {self.route}"

    @property
    def is_refused(self) -> bool:
        """Whether the answer was a refusal."""
        return self.status >= 400  # noqa: PLR2004 - HTTP's own line
