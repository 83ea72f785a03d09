"""What beat starts of the API. REST itself is not loaded for it: every worker has these tasks."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from cases.models import KeptAnswer
from cases.models.kept_answer import KEPT


@shared_task
def forget_kept_answers() -> None:
    """Delete the answers of yesterday's Idempotency-Keys."""
    KeptAnswer.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
