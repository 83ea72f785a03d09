"""The outbox: announcing, claiming and finishing jobs. What nobody finishes is for sweep.py.

State moves by a conditional UPDATE that must change exactly one row, so two
workers, a lost message and a message that comes twice all end in one result.
"""

from __future__ import annotations

import logging
import time
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from celery import current_app
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import OperationalError

from cases import audit, events, storage
from cases.analysis import key_result, step_times
from cases.analysis.network import NEGATIVE_CLASS, NETWORK_OF_A_JOB, Network
from cases.analysis.results import jobs_to_retry
from cases.batches import BATCH_SIZE
from cases.lifecycle import (
    ENDED_WITHOUT_RESULT,
    HookEvent,
    IllegalTransition,
    JobStatus,
    check_job_transition,
)
from cases.models import Case, Job, ModelVersion, Prediction, ShadowResult
from cases.permissions import Action, require
from cases.turns import turn_of, wait_for_turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet
    from django.db.models.expressions import CombinedExpression

    from cases.models import Image
    from portal.accounts.models import User

logger = logging.getLogger(__name__)

ANALYSE_TASK = "cases.analysis.worker.analyse"
NETWORK_UNUSABLE, DISK_FULL = Job.NETWORK_UNUSABLE, Job.DISK_FULL
# So many jobs at the most are sent again in one round: messages that come
# twice are harmless, but a long queue must not fill the broker with them.
ENQUEUE_BATCH = 100
BROKER_REST_SECONDS = 10
_broker_rests_until = 0.0


@dataclass(frozen=True)
class Lease:
    """The right to finish one attempt of one job."""

    job_id: uuid.UUID
    token: uuid.UUID
    attempt: int
    image_file: str
    network: Network


@dataclass(frozen=True)
class Result:
    """What an analysis found. `probabilities` are by class code and sum to 1.

    gate_verdict, gate_distance: what the input gate said; empty and None where the network has none.
    in_training: whether the image was in its training data; None where it does not say what was.
    """

    predicted_class: str
    probabilities: Mapping[str, float]
    packed_maps: bytes
    seconds: float
    gate_verdict: str = ""
    gate_distance: float | None = None
    in_training: bool | None = None

    @property
    def confidence(self) -> float:
        """The probability of the predicted class."""
        return self.probabilities[self.predicted_class]

    def suspicion(self, negative_class: str | None) -> float:
        """By which one of several images stands for the case (models/prediction.py). negative_class: of the
        network, which has found nothing then.
        """
        is_negative = self.predicted_class == negative_class
        return -self.confidence if is_negative else self.confidence


@dataclass(frozen=True)
class Failure:
    """Why an attempt failed, with a sentence for the clinician.

    is_postponed: it was nothing about this image, and the same again later will do: no attempt is counted.
    """

    code: str
    message: str
    retryable: bool
    is_postponed: bool = False


def enqueue(job_id: uuid.UUID) -> bool:
    """Wake a worker up for the job; False where the broker cannot be reached.

    A failure here loses nothing: the row waits, and the sweep sends it again.
    After one, this process leaves the broker alone for a while, so that many uploads
    do not each wait for the same silence.
    """
    global _broker_rests_until  # noqa: PLW0603 - one broker a process
    if time.monotonic() < _broker_rests_until:
        return False
    try:
        current_app.send_task(ANALYSE_TASK, args=[str(job_id)])
    except OperationalError:
        _broker_rests_until = time.monotonic() + BROKER_REST_SECONDS
        logger.warning("The broker cannot be reached; job %s waits in the outbox.", job_id)
        return False
    Job.objects.filter(pk=job_id, status=JobStatus.QUEUED).update(sent_at=Now())
    return True


def enqueue_on_commit(job: Job) -> None:
    """Announce `job` once the current transaction is committed.

    What goes wrong then is logged and undoes nothing: the job is stored and will be sent again.
    """
    transaction.on_commit(lambda: enqueue(job.pk), robust=True)


def lease(job_id: uuid.UUID) -> Lease | None:
    """Take a queued job; None where it is not queued (any more).

    The lease is short, and its holder renews it (heartbeat.py). It is the database's clock that all of them
    go by: machines whose own clocks differ take nothing from each other.
    """
    token = uuid.uuid4()
    taken = Job.objects.filter(pk=job_id, status=JobStatus.QUEUED).update(
        status=JobStatus.RUNNING,
        token=token,
        attempts=F("attempts") + 1,
        started_at=Now(),
        lease_until=lease_end(),
        error_code="",
        error_message="",
    )
    if taken != 1:
        return None
    # None where it is deleted with its picture, or to be (cases/deletion/acts.py).
    there = Job.objects.filter(pk=job_id, image__deleted_at__isnull=True)
    found = there.values_list("attempts", "image__file", *NETWORK_OF_A_JOB).first()
    if found is None:
        return None
    attempts, file, *of_network = found
    return Lease(job_id, token, attempts, file, Network.of_row(*of_network))


def lease_end() -> CombinedExpression:
    """When a lease that begins, or is renewed, now runs out."""
    return Now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def renew(lease: Lease) -> bool:
    """Hold the lease for as long again; False where it no longer holds."""
    held = Job.objects.filter(pk=lease.job_id, status=JobStatus.RUNNING, token=lease.token)
    return held.update(lease_until=lease_end()) == 1


def network_of(job_id: uuid.UUID) -> Network | None:
    """The network that a queued job asks for; None where it is not queued (any more)."""
    queued = Job.objects.filter(pk=job_id, status=JobStatus.QUEUED).values_list(*NETWORK_OF_A_JOB).first()
    return Network.of_row(*queued) if queued else None


def let_wait(job_id: uuid.UUID, reason: str) -> None:
    """Leave a queued job in the queue, and say why nobody here takes it: that is no attempt, and no failure.

    The sweep sends it again and again; whoever can take it then does.
    """
    Job.objects.filter(pk=job_id, status=JobStatus.QUEUED).update(
        error_code=NETWORK_UNUSABLE, error_message=reason
    )


def are_waiting_for_a_network() -> bool:
    """Whether jobs wait because a worker cannot use their network."""
    return Job.objects.filter(status=JobStatus.QUEUED, error_code=NETWORK_UNUSABLE).exists()


def _finish(lease: Lease, **changes: object) -> bool:
    """Move the job on, if its token still holds."""
    return (
        Job.objects.filter(pk=lease.job_id, status=JobStatus.RUNNING, token=lease.token).update(
            token=None, lease_until=None, **changes
        )
        == 1
    )


def _let_go_of_who_stands_still() -> None:
    """Have the database end this transaction if its process does nothing with it for the length of a lease.

    It holds the rows of its job and case, for which everybody else would wait.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            seconds = f"{settings.JOB_LEASE_SECONDS}s"
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = %s", [seconds])


def complete(lease: Lease, result: Result) -> bool:
    """Store the result; False, and nothing stored, where the claim no longer holds.

    The maps are stored once the job's row is this transaction's: a picture that is deleted at this moment
    waits for them, or they come to nothing. Who erases the same maps waits as well (cases/removals.py).
    """
    with step_times.step("database"), transaction.atomic():
        _let_go_of_who_stands_still()
        if not _finish(lease, status=JobStatus.SUCCEEDED, finished_at=timezone.now()):
            return False
        job = (
            Job.objects.select_related("image", "model_version")
            .defer("model_version__manifest")
            .annotate(negative_class=NEGATIVE_CLASS)
            .get(pk=lease.job_id)
        )
        with step_times.step("store"):
            wait_for_turn(turn_of(storage.content_name("maps", result.packed_maps, ".npz")))
            maps_file = storage.store("maps", result.packed_maps, ".npz")
        said: dict[str, Any] = {
            "image_id": job.image_id,
            "model_version_id": job.model_version_id,
            "predicted_class": result.predicted_class,
            "confidence": result.confidence,
            "suspicion": result.suspicion(job.negative_class),
            "probabilities": dict(result.probabilities),
            "maps_file": maps_file,
            "seconds": result.seconds,
            "gate_verdict": result.gate_verdict,
            "gate_distance": result.gate_distance,
            "in_training": result.in_training,
        }
        if _is_in_shadow(job.model_version):
            ShadowResult.objects.create(**said)
            return True
        Prediction.objects.create(**said)
        key_result.refresh_after_result(job.image, job.model_version)
        _tell_of_the_end(job)
    return True


def _is_in_shadow(version: ModelVersion) -> bool:
    """Whether the version is a candidate, until the end of the transaction: an activation at the same moment
    either finds the shadow result, or is seen here.
    """
    if not version.is_candidate:
        return False
    return ModelVersion.objects.select_for_update(no_key=True).get(pk=version.pk).is_candidate


def fail(lease: Lease, failure: Failure) -> bool:
    """Note why the attempt failed; queue the job again where another try may help."""
    error = {"error_code": failure.code, "error_message": failure.message}
    if failure.is_postponed:
        # As if it had just been sent, so that the sweep offers it again, and not at once.
        return _finish(lease, status=JobStatus.QUEUED, attempts=F("attempts") - 1, sent_at=Now(), **error)
    with transaction.atomic():
        _let_go_of_who_stands_still()
        if failure.retryable and lease.attempt < settings.JOB_MAX_ATTEMPTS:
            moved = _finish(lease, status=JobStatus.QUEUED, sent_at=None, **error)
        else:
            moved = _finish(lease, status=JobStatus.FAILED, finished_at=timezone.now(), **error)
            if moved:
                end_without_result(lease.job_id)
    return moved


def end_without_result(job_id: uuid.UUID) -> None:
    """Bring the case up to date, and tell of it, once the job has ended. Inside the transaction of that."""
    _tell_of_the_end(_refresh_key_result(job_id))


def _refresh_key_result(job_id: uuid.UUID) -> Job:
    job = Job.objects.select_related("image", "model_version").get(pk=job_id)
    key_result.refresh_after_result(job.image, job.model_version)
    return job


def _tell_of_the_end(job: Job) -> None:
    """Tell webhooks where this was the last image of its case that the network was to look at.

    Takes for granted that the case is locked: of two that end at once, the later one sees both.
    """
    cohort_id, case_id = job.image.cohort_id, job.image.case_id
    if job.model_version.is_candidate:
        return
    if not events.listeners(cohort_id, HookEvent.CASE_READY, HookEvent.CASE_FAILED):
        return
    of_case = Job.objects.filter(image__case_id=case_id, model_version_id=job.model_version_id)
    states = set(of_case.values_list("status", flat=True))
    if states & {JobStatus.QUEUED, JobStatus.RUNNING} or states == {JobStatus.CANCELLED}:
        return
    event = HookEvent.CASE_FAILED if JobStatus.FAILED in states else HookEvent.CASE_READY
    code = Case.objects.values_list("code", flat=True).get(pk=case_id)
    events.tell(event, cohort_id=cohort_id, case=code)


def _move(job: Job, after: JobStatus, **changes: object) -> None:
    """Move a job by hand; raises IllegalTransition where the table has no such way."""
    before = JobStatus(job.status)
    check_job_transition(before, after)
    moved = Job.objects.filter(pk=job.pk, status=before).update(status=after, **changes)
    job.refresh_from_db()
    if moved != 1:  # somebody else was quicker
        raise IllegalTransition(job.status, after)


def queue_images(images: QuerySet[Image], version: ModelVersion) -> None:
    """Queue an analysis by `version` for each of the images that it was never asked about, in their order.

    Call it inside the transaction of the act. Workers are told of the first ones when it is committed; the
    sweep sends the rest by and by, so that what is uploaded meanwhile does not wait behind all of them.
    """
    there = images.filter(deleted_at__isnull=True)
    unasked = there.exclude(jobs__model_version=version).values_list("pk", flat=True)
    made = Job.objects.bulk_create(
        (Job(image_id=image, model_version=version) for image in list(unasked)), batch_size=BATCH_SIZE
    )
    for job in made[:ENQUEUE_BATCH]:
        enqueue_on_commit(job)


def queue_again(jobs: QuerySet[Job]) -> None:
    """Queue those of the jobs that ended without a result as if they had never run; else like `queue_images`.

    Takes for granted that the caller brings the key results up to date.
    """
    ended = jobs.filter(status__in=ENDED_WITHOUT_RESULT)
    first = list(ended.order_by("queued_at", "pk")[:ENQUEUE_BATCH])
    ended.update(status=JobStatus.QUEUED, **_fresh_attempts())
    for job in first:
        enqueue_on_commit(job)


def _fresh_attempts() -> dict[str, Any]:
    """The fields of a job that is queued as if it had never run, beside its status."""
    return {
        "attempts": 0,
        "queued_at": timezone.now(),
        "sent_at": None,
        "finished_at": None,
        "error_code": "",
        "error_message": "",
    }


def retry(*, by: User, job: Job) -> None:
    """Queue a failed or cancelled job again, with fresh attempts."""
    cohort = job.image.cohort
    require(by, Action.RETRY, cohort)
    with transaction.atomic():
        _move(job, JobStatus.QUEUED, **_fresh_attempts())
        _refresh_key_result(job.pk)
        audit.record(by=by, action="job.retried", subject=job, cohort=cohort)
        enqueue_on_commit(job)


def retry_case(*, by: User, case: Case) -> int:
    """Queue every image of the case again whose analysis failed or was cancelled; how many there were.

    Raises IllegalTransition where there is none: then nothing needs another try.
    """
    require(by, Action.RETRY, case.cohort)
    ended = jobs_to_retry(case)
    if not ended:
        raise IllegalTransition(JobStatus.SUCCEEDED, JobStatus.QUEUED)
    with transaction.atomic():
        for job in ended:
            retry(by=by, job=job)
    return len(ended)


def cancel(*, by: User, job: Job) -> None:
    """Take a job that is still queued out of the queue."""
    cohort = job.image.cohort
    require(by, Action.MANAGE, cohort)
    with transaction.atomic():
        _move(job, JobStatus.CANCELLED, finished_at=timezone.now())
        end_without_result(job.pk)
        audit.record(by=by, action="job.cancelled", subject=job, cohort=cohort)
