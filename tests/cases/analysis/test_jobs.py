"""The outbox: claims, tokens, leases, retries."""

import time
import uuid
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from cases.analysis import jobs, sweep
from cases.analysis.jobs import Failure, Result
from cases.lifecycle import IllegalTransition, JobStatus
from cases.models import AuditEvent, Job, Prediction

pytestmark = pytest.mark.both_databases

RESULT = Result(
    predicted_class="pituitary",
    probabilities={"glioma": 0.1, "meningioma": 0.1, "notumor": 0.1, "pituitary": 0.7},
    packed_maps=b"maps",
    seconds=0.02,
)
PASSING = Failure("time_limit", "It took too long.", retryable=True)
LASTING = Failure("truncated", "The picture is cut off.", retryable=False)


@pytest.fixture
def job(submitted_case) -> Job:
    return Job.objects.get(image__case=submitted_case)


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_claim_of_queued_job_takes_it_with_token_and_lease(job, settings) -> None:
    claim = jobs.lease(job.pk)
    job.refresh_from_db()
    assert (job.status, job.token, job.attempts) == ("running", claim.token, 1)
    assert job.lease_until - job.started_at == timedelta(seconds=settings.JOB_LEASE_SECONDS)
    assert (claim.image_file, claim.network.name) == (job.image.file, "test-cnn-1")


def test_second_claim_gets_nothing(job) -> None:
    assert jobs.lease(job.pk) is not None
    assert jobs.lease(job.pk) is None


def test_claim_of_unknown_job_gets_nothing(db) -> None:
    assert jobs.lease(uuid.uuid4()) is None


def test_renewed_lease_holds_for_as_long_again_and_a_lost_one_stays_lost(job, settings) -> None:
    claim = jobs.lease(job.pk)
    expire(job)
    assert jobs.renew(claim)
    assert sweep.take_back_expired() == 0
    expire(job)
    assert sweep.take_back_expired() == 1
    assert not jobs.renew(claim)
    job.refresh_from_db()
    assert (job.status, job.lease_until) == ("queued", None)


def test_completion_stores_the_prediction(job) -> None:
    assert jobs.complete(jobs.lease(job.pk), RESULT)
    job.refresh_from_db()
    prediction = Prediction.objects.get()
    assert (job.status, job.token, job.lease_until) == ("succeeded", None, None)
    assert job.finished_at is not None
    assert (prediction.predicted_class, prediction.confidence) == ("pituitary", 0.7)
    assert prediction.probabilities == RESULT.probabilities


def test_completion_twice_with_one_claim_stores_one_prediction(job) -> None:
    claim = jobs.lease(job.pk)
    assert jobs.complete(claim, RESULT)
    assert not jobs.complete(claim, RESULT)
    assert Prediction.objects.count() == 1


def test_worker_that_lost_its_lease_cannot_complete(job) -> None:
    slow = jobs.lease(job.pk)
    expire(job)
    sweep.take_back_expired()
    quick = jobs.lease(job.pk)
    assert not jobs.complete(slow, RESULT)
    assert Prediction.objects.count() == 0
    assert jobs.complete(quick, RESULT)


def test_passing_failure_queues_again_until_the_attempts_are_used_up(job, settings) -> None:
    settings.JOB_MAX_ATTEMPTS = 2
    assert jobs.fail(jobs.lease(job.pk), PASSING)
    job.refresh_from_db()
    assert (job.status, job.sent_at, job.error_code) == ("queued", None, "time_limit")
    assert jobs.fail(jobs.lease(job.pk), PASSING)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.error_message) == ("failed", 2, "It took too long.")


def test_lasting_failure_ends_the_job_at_once(job) -> None:
    assert jobs.fail(jobs.lease(job.pk), LASTING)
    job.refresh_from_db()
    assert (job.status, job.attempts, job.error_code) == ("failed", 1, "truncated")
    assert job.finished_at is not None


def test_failure_with_a_lost_claim_changes_nothing(job) -> None:
    slow = jobs.lease(job.pk)
    expire(job)
    sweep.take_back_expired()
    assert not jobs.fail(slow, LASTING)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("queued", "worker_lost")


@pytest.mark.real_broker
def test_unreachable_broker_costs_no_job(job, monkeypatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise OperationalError

    monkeypatch.setattr(jobs, "_broker_rests_until", 0.0)
    monkeypatch.setattr(jobs.current_app, "send_task", refuse)
    assert not jobs.enqueue(job.pk)
    assert sweep.enqueue_waiting() == 0
    job.refresh_from_db()
    assert (job.status, job.sent_at) == ("queued", None)


@pytest.mark.real_broker
def test_broker_that_did_not_answer_is_left_alone_for_a_while(job, monkeypatch) -> None:
    asked = []

    def refuse(*args: object, **kwargs: object) -> None:
        asked.append(args)
        raise OperationalError

    monkeypatch.setattr(jobs, "_broker_rests_until", 0.0)
    monkeypatch.setattr(jobs.current_app, "send_task", refuse)
    assert [jobs.enqueue(job.pk) for _ in range(5)] == [False] * 5
    assert len(asked) == 1
    monkeypatch.setattr(jobs, "_broker_rests_until", time.monotonic() - 1)
    assert not jobs.enqueue(job.pk)
    assert len(asked) == 2


def test_announcement_that_breaks_down_costs_no_upload(
    submit, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    def break_down(job_id: uuid.UUID) -> bool:
        raise RuntimeError

    monkeypatch.setattr(jobs, "enqueue", break_down)
    with django_capture_on_commit_callbacks(execute=True):
        case = submit(seed=6)
    assert Job.objects.get(image__case=case).status == "queued"


@pytest.mark.real_broker
def test_announcement_carries_the_id_and_nothing_else(job, monkeypatch) -> None:
    sent = []
    monkeypatch.setattr(jobs.current_app, "send_task", lambda *args, **kwargs: sent.append((args, kwargs)))
    assert jobs.enqueue(job.pk)
    assert sent == [(("cases.analysis.worker.analyse",), {"args": [str(job.pk)]})]
    job.refresh_from_db()
    assert job.sent_at is not None


def test_retry_by_owner_queues_a_failed_job_with_fresh_attempts(
    job, owner, enqueued, django_capture_on_commit_callbacks
) -> None:
    jobs.fail(jobs.lease(job.pk), LASTING)
    job.refresh_from_db()
    enqueued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        jobs.retry(by=owner, job=job)
    assert (job.status, job.attempts, job.error_code, job.finished_at) == ("queued", 0, "", None)
    assert enqueued == [job.pk]
    assert AuditEvent.objects.get(action="job.retried").subject == str(job.pk)


def test_retry_by_stranger_is_refused_and_changes_nothing(job, stranger) -> None:
    jobs.fail(jobs.lease(job.pk), LASTING)
    job.refresh_from_db()
    with pytest.raises(PermissionDenied):
        jobs.retry(by=stranger, job=job)
    job.refresh_from_db()
    assert job.status == "failed"


def test_retry_of_a_job_that_succeeded_is_refused(job, owner) -> None:
    jobs.complete(jobs.lease(job.pk), RESULT)
    job.refresh_from_db()
    with pytest.raises(IllegalTransition):
        jobs.retry(by=owner, job=job)


def test_retry_of_a_job_that_moved_meanwhile_is_refused(job, owner) -> None:
    jobs.fail(jobs.lease(job.pk), LASTING)
    job.refresh_from_db()
    Job.objects.update(status=JobStatus.QUEUED)
    with pytest.raises(IllegalTransition):
        jobs.retry(by=owner, job=job)


def test_cancel_takes_a_queued_job_away_from_the_workers(job, administrator) -> None:
    jobs.cancel(by=administrator, job=job)
    assert job.status == "cancelled"
    assert jobs.lease(job.pk) is None


def test_cancel_by_owner_is_refused_and_changes_nothing(job, owner) -> None:
    with pytest.raises(PermissionDenied):
        jobs.cancel(by=owner, job=job)
    job.refresh_from_db()
    assert job.status == "queued"


@pytest.mark.parametrize(
    "values",
    [{"status": "paused"}, {"status": "running"}, {"token": uuid.uuid4()}],
    ids=["unknown status", "running without lease", "token while queued"],
)
def test_database_refuses_a_job_that_cannot_be(job, values) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**values)
