"""What the database, the disk and the workers say of the portal, as figures for Prometheus.

Read when somebody asks, and by indexes: nothing here grows with the number of cases that are done. What
analyses and reviews came to is told of the newest alone, and of no study whose figures are still closed.
"""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from celery import current_app
from django.core.files.storage import FileSystemStorage, default_storage
from django.db.models import Count, Min
from django.utils import timezone
from kombu.exceptions import OperationalError
from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from cases.analysis import step_times
from cases.interim import closed_cohorts
from cases.lifecycle import AT_WORK, ENDED_WITHOUT_RESULT, JobStatus
from cases.models import Job, Prediction, Review
from cases.models.job import WITHOUT_RESULT
from portal.accounts.sessions import alive

# Of so many of the newest is told what they came to.
NEWEST = 500
QUEUES = ("analysis", "maintenance")
_WORKER_SECONDS = 1.0


class StateCollector:
    """A collector as prometheus_client wants it."""

    def collect(self) -> Iterator[Metric]:
        """Yield every figure of the moment."""
        yield from _jobs()
        yield from _newest()
        yield _steps()
        yield _workers()
        yield _gauge("secondread_sessions", "Sessions of people that have not ended.", _sessions())
        if isinstance(default_storage, FileSystemStorage):
            yield _gauge("secondread_storage_free_bytes", "Left for pictures and maps.", free_bytes())


def answering_workers() -> dict[str, bool]:
    """Whether a worker of each queue answers, by the queue's name. Takes a second where none does."""
    found = {}
    for queue in QUEUES:
        try:
            replies = current_app.control.broadcast(
                "ping",
                reply=True,
                limit=1,
                timeout=_WORKER_SECONDS,
                pattern=f"{queue}@*",
                matcher="glob",  # type: ignore[arg-type]  # a name, which travels
            )
        except (OperationalError, OSError):
            replies = []
        found[queue] = bool(replies)
    return found


def free_bytes() -> int:
    """What is left where pictures are stored. Raises OSError."""
    folder = Path(default_storage.path(""))
    # It is made by the first upload.
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _jobs() -> Iterator[Metric]:
    found = {
        row["status"]: row
        for row in Job.objects.filter(WITHOUT_RESULT)
        .order_by()
        .values("status")
        .annotate(count=Count("pk"), oldest=Min("queued_at"))
    }
    yield _labelled(
        "secondread_jobs",
        "Analyses without a result, by their state.",
        "status",
        [
            (status.value, found[status]["count"] if status in found else 0)
            for status in (*AT_WORK, *ENDED_WITHOUT_RESULT)
        ],
    )
    now = timezone.now()
    yield _labelled(
        "secondread_job_oldest_seconds",
        "Age of the oldest analysis in this state.",
        "status",
        [
            (status.value, (now - found[status]["oldest"]).total_seconds() if status in found else 0.0)
            for status in AT_WORK
        ],
    )
    again = Job.objects.filter(status__in=AT_WORK, attempts__gt=1).count()
    yield _gauge("secondread_jobs_tried_again", "Analyses at work that were begun before.", again)
    failed = Job.objects.filter(status=JobStatus.FAILED).order_by().values_list("error_code")
    yield _labelled(
        "secondread_jobs_failed",
        "Analyses that failed for good, by the error's code.",
        "code",
        list(failed.annotate(count=Count("pk"))),
    )


def _newest() -> Iterator[Metric]:
    predictions = list(Prediction.objects.order_by("-pk").values_list("gate_verdict", "seconds")[:NEWEST])
    yield _labelled(
        "secondread_newest_analyses",
        f"What the input gate said of the newest {NEWEST} analyses.",
        "gate",
        _counted([verdict or "none" for verdict, _ in predictions]),
    )
    seconds = sorted(took for _, took in predictions)
    yield _labelled(
        "secondread_newest_analysis_seconds",
        f"Time in the network of the newest {NEWEST} analyses, by quantile.",
        "quantile",
        [(str(share), seconds[int(share * (len(seconds) - 1))]) for share in (0.5, 0.95) if seconds],
    )
    reviews = Review.objects.exclude(case__cohort__in=closed_cohorts()).order_by("-created_at", "-id")
    yield _labelled(
        "secondread_newest_reviews",
        f"What readers said of the network in the newest {NEWEST} reviews, studies whose figures are closed "
        "left out.",
        "verdict",
        _counted([verdict or "none" for verdict in reviews.values_list("verdict", flat=True)[:NEWEST]]),
    )


def _steps() -> Metric:
    family = HistogramMetricFamily(
        "secondread_job_step_seconds",
        "Time of an analysis by step: reading the picture, its tensor, the network with its maps, packing "
        "them, storing them, rows of the database.",
        labels=["step"],
    )
    bounds = [*(str(bound) for bound in step_times.BOUNDS), "+Inf"]
    for name, figures in step_times.read().items():
        at_most = itertools.accumulate(figures.counts)
        family.add_metric([name], list(zip(bounds, at_most, strict=True)), figures.seconds)
    return family


def _workers() -> Metric:
    found = [(queue, float(answers)) for queue, answers in answering_workers().items()]
    return _labelled("secondread_workers_answer", "Whether a worker of this queue answers.", "queue", found)


def _sessions() -> int:
    return alive().exclude(user=None).count()


def _counted(words: Sequence[str]) -> list[tuple[str, int]]:
    return [(word, words.count(word)) for word in sorted(set(words))]


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value=value)


def _labelled(name: str, text: str, label: str, values: Sequence[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, figure in values:
        family.add_metric([value], figure)
    return family
