"""A job: one analysis of one image by one model version. This row is the outbox."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import AT_WORK, JobStatus
from cases.translation import shown

# What has no result, for now or for good: few, beside those that have.
WITHOUT_RESULT = ~Q(status=JobStatus.SUCCEEDED)


class Job(models.Model):
    """The truth about one analysis; a broker message is only a wake-up for it.

    A running job holds the token of the attempt that claimed it and a lease; a
    result is taken only from the holder of that token.
    """

    # Codes of a queued job that no worker could take, because none of them can use its network, or whose
    # result found no room.
    NETWORK_UNUSABLE: ClassVar = "network_unusable"
    DISK_FULL: ClassVar = "disk_full"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Found by the constraint below, never by the network alone (models/__init__.py).
    image = models.ForeignKey("cases.Image", on_delete=models.CASCADE, db_index=False, related_name="jobs")
    model_version = models.ForeignKey(
        "cases.ModelVersion", on_delete=models.PROTECT, db_index=False, related_name="jobs"
    )
    status = models.CharField(_("status"), max_length=10, choices=JobStatus.choices, default=JobStatus.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    token = models.UUIDField(_("token of the attempt"), null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(_("lease until"), null=True, blank=True)
    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    sent_at = models.DateTimeField(_("last sent to the broker"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    error_message = models.TextField(_("what went wrong"), blank=True)

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering: ClassVar = ["-queued_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["image", "model_version"], name="job_once_a_model"),
            models.CheckConstraint(condition=Q(status__in=JobStatus.values), name="job_status_known"),
            models.CheckConstraint(
                condition=Q(status=JobStatus.RUNNING, token__isnull=False, lease_until__isnull=False)
                | (~Q(status=JobStatus.RUNNING) & Q(token__isnull=True, lease_until__isnull=True)),
                name="job_lease_while_running",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["status", "sent_at"],
                name="job_to_sweep",
                condition=Q(status__in=list(AT_WORK)),
            ),
            # The few that the worklist and the dashboard look for by their state.
            models.Index(fields=["status", "image"], name="job_without_result", condition=WITHOUT_RESULT),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    @property
    def waits_for_an_operator(self) -> bool:
        """Whether the job waits for what the image has no part in, and `error_shown` says for what."""
        codes = (self.NETWORK_UNUSABLE, self.DISK_FULL)
        return self.status == JobStatus.QUEUED and self.error_code in codes

    @property
    def error_shown(self) -> str:
        """What went wrong, in the reader's language."""
        return shown(self.error_message)
