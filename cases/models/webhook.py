"""A webhook: where a cohort's events are sent; and what was sent, or is still to be."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cases.lifecycle import DeliveryState

MAX_URL = 500


class Webhook(models.Model):
    """An address that is told of events of one cohort.

    secret_number: which secret signs; the secrets themselves are stored nowhere
    (cases/exchange/webhooks/signing.py). failing_since: when the first of the tries failed that have all
    failed since. not_before: after a failure, when it is tried again at the earliest.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    cohort = models.ForeignKey("cases.Cohort", on_delete=models.CASCADE, related_name="webhooks")
    url = models.CharField(_("address"), max_length=MAX_URL)
    events = models.JSONField(_("events"), default=list)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    secret_number = models.PositiveIntegerField(_("number of the secret"), default=1, editable=False)
    secret_since = models.DateTimeField(_("secret since"), default=timezone.now, editable=False)
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True)
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True)
    not_before = models.DateTimeField(_("next try"), null=True, blank=True)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        ordering: ClassVar = ["created_at", "id"]

    def __str__(self) -> str:
        return self.url


class WebhookDelivery(models.Model):
    """One event for one webhook: written with the fact that it tells, sent until the other side takes it.

    data: what it tells beside kind and time. due_at: when it is tried next; whoever takes it moves that on.
    answer_status: the HTTP status of the newest answer; failure: why there was none.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(
        Webhook,
        on_delete=models.CASCADE,
        db_index=False,
        related_name="deliveries",
        verbose_name=_("webhook"),
    )
    event = models.CharField(_("event"), max_length=20)
    data = models.JSONField(_("content"), default=dict)
    created_at = models.DateTimeField(_("at"), default=timezone.now)
    state = models.CharField(
        _("state"), max_length=10, choices=DeliveryState.choices, default=DeliveryState.WAITING
    )
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    due_at = models.DateTimeField(_("next try"), default=timezone.now)
    tried_at = models.DateTimeField(_("newest try"), null=True, blank=True)
    answer_status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    failure = models.CharField(_("failure"), max_length=30, blank=True)

    class Meta:
        verbose_name = _("delivery of a webhook")
        verbose_name_plural = _("deliveries of webhooks")
        ordering: ClassVar = ["-created_at", "-id"]
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(state__in=DeliveryState.values), name="delivery_state_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_of_webhook"),
            models.Index(
                fields=["due_at"], condition=Q(state=DeliveryState.WAITING), name="delivery_that_waits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.pk}"
