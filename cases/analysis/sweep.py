"""What nobody finishes: leases that ran out are taken back, and what waits unheard is sent again.

Any number of sweeps may run at once, and none for a while: each moves rows by conditional updates.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_noop
from kombu.exceptions import ChannelError, OperationalError

from cases.analysis import jobs
from cases.lifecycle import JobStatus
from cases.models import Job

if TYPE_CHECKING:
    import uuid

    from django.db.models import QuerySet


def take_back_expired() -> int:
    """Queue, or fail for good, the running jobs whose lease has run out; return how many."""
    lost = {
        "token": None,
        "lease_until": None,
        "error_code": "worker_lost",
        "error_message": gettext_noop("The worker stopped while it analysed this image."),
    }
    with transaction.atomic():
        # Locked, so that of two sweeps at once one tells of it. A worker that stands still in its transaction
        # holds its own job, and must not keep the sweep from all others.
        found = Job.objects.select_for_update(skip_locked=True).filter(_is_over(), status=JobStatus.RUNNING)
        expired = list(found.order_by("pk").values_list("pk", "attempts"))
        given_up = [key for key, attempts in expired if attempts >= settings.JOB_MAX_ATTEMPTS]
        revived = [key for key, attempts in expired if attempts < settings.JOB_MAX_ATTEMPTS]
        Job.objects.filter(pk__in=revived).update(status=JobStatus.QUEUED, sent_at=None, **lost)
        Job.objects.filter(pk__in=given_up).update(status=JobStatus.FAILED, finished_at=Now(), **lost)
        for key in given_up:
            jobs.end_without_result(key)
    return len(expired)


def _is_over() -> Q:
    """Of a lease: its time, or that its end is further off than any that is given. Then the clock has gone
    back, and who still holds it would have renewed it: whoever died would keep the job until that hour.
    """
    beyond = Now() + timedelta(seconds=2 * settings.JOB_LEASE_SECONDS)
    return Q(lease_until__lt=Now()) | Q(lease_until__gt=beyond)


def enqueue_waiting() -> int:
    """Announce the queued jobs that nobody was told of, or whose message is lost; return how many."""
    waiting = [*_never_sent()[: jobs.ENQUEUE_BATCH]]
    waiting += _forgotten()[: min(_lost_messages(), jobs.ENQUEUE_BATCH - len(waiting))]
    sent = 0
    for job_id in waiting:
        if not jobs.enqueue(job_id):
            break
        sent += 1
    return sent


def _never_sent() -> QuerySet[Job, uuid.UUID]:
    unsent = Job.objects.filter(status=JobStatus.QUEUED, sent_at__isnull=True)
    return unsent.order_by("queued_at").values_list("pk", flat=True)


def _forgotten() -> QuerySet[Job, uuid.UUID]:
    """Those that were sent a while ago, or by a clock that has gone back since."""
    stale = Now() - timedelta(seconds=settings.JOB_REDISPATCH_SECONDS)
    return (
        Job.objects.filter(Q(sent_at__lt=stale) | Q(sent_at__gt=Now()), status=JobStatus.QUEUED)
        # Those that were sent longest ago: many that wait for a network keep nobody else waiting.
        .order_by(F("sent_at").asc(), "queued_at")
        .values_list("pk", flat=True)
    )


def _lost_messages() -> int:
    """How many jobs were sent, wait, and have no message at the broker.

    So that a long queue is not sent again and again, however long it takes.
    """
    sent = Job.objects.filter(status=JobStatus.QUEUED, sent_at__isnull=False).count()
    return max(0, sent - _messages()) if sent else 0


def _messages() -> int:
    """The messages about analyses that the broker holds; 0 where it does not say."""
    queue = settings.CELERY_TASK_ROUTES[jobs.ANALYSE_TASK]["queue"]
    try:
        with current_app.connection_for_read() as connection:
            channel: Any = connection.default_channel
            return int(channel.queue_declare(queue, passive=True).message_count)
    except (ChannelError, OperationalError):  # no such queue, since it is empty; no broker
        return 0
