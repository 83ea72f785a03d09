"""What beat picks up: leases that ran out, and messages that the broker has lost."""

from datetime import timedelta

import pytest
from celery import current_app
from django.utils import timezone

from cases.analysis import jobs, sweep
from cases.models import Job, ModelVersion
from tests.support.worker import forget_messages

pytestmark = pytest.mark.both_databases


@pytest.fixture
def job(submitted_case) -> Job:
    return Job.objects.get(image__case=submitted_case)


@pytest.fixture
def long_ago(settings) -> timedelta:
    """Before so long a job is sent anew, if its message is lost."""
    return timedelta(seconds=settings.JOB_REDISPATCH_SECONDS + 1)


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_running_job_with_a_valid_lease_is_left_alone(job) -> None:
    jobs.lease(job.pk)
    assert sweep.take_back_expired() == 0


def test_job_of_a_worker_that_dies_every_time_fails_in_the_end(job, settings) -> None:
    settings.JOB_MAX_ATTEMPTS = 2
    for _ in range(2):
        jobs.lease(job.pk)
        expire(job)
        assert sweep.take_back_expired() == 1
    job.refresh_from_db()
    assert (job.status, job.attempts, job.error_code) == ("failed", 2, "worker_lost")


def test_waiting_job_is_announced_until_a_moment_ago(job, settings, enqueued) -> None:
    assert sweep.enqueue_waiting() == 1
    assert enqueued == [job.pk]
    Job.objects.update(sent_at=timezone.now())
    assert sweep.enqueue_waiting() == 0
    Job.objects.update(sent_at=timezone.now() - timedelta(seconds=settings.JOB_REDISPATCH_SECONDS + 1))
    assert sweep.enqueue_waiting() == 1


def test_jobs_are_announced_in_turns_so_that_those_that_wait_for_a_network_hold_up_no_other(
    job, settings, enqueued, monkeypatch
) -> None:
    monkeypatch.setattr(jobs, "ENQUEUE_BATCH", 1)
    again = timedelta(seconds=settings.JOB_REDISPATCH_SECONDS + 1)
    Job.objects.update(sent_at=timezone.now() - again, error_code=jobs.NETWORK_UNUSABLE)
    other = ModelVersion.objects.create(name="other", weights_sha256="1" * 64, manifest={})
    later = Job.objects.create(image=job.image, model_version=other)
    assert sweep.enqueue_waiting() == 1
    assert enqueued == [later.pk]


def test_long_queue_is_not_sent_again_and_what_the_broker_lost_is(
    job, enqueued, monkeypatch, long_ago
) -> None:
    others = [
        Job.objects.create(
            image=job.image,
            model_version=ModelVersion.objects.create(name=f"n{k}", weights_sha256=str(k) * 64, manifest={}),
        )
        for k in range(3)
    ]
    Job.objects.update(sent_at=timezone.now() - long_ago)
    Job.objects.filter(pk=others[1].pk).update(sent_at=timezone.now() - 2 * long_ago)
    enqueued.clear()
    monkeypatch.setattr(sweep, "_messages", lambda: 4)
    assert sweep.enqueue_waiting() == 0
    monkeypatch.setattr(sweep, "_messages", lambda: 3)
    assert sweep.enqueue_waiting() == 1
    assert enqueued == [others[1].pk]
    # Dead messages may be there too.
    monkeypatch.setattr(sweep, "_messages", lambda: 9)
    assert sweep.enqueue_waiting() == 0


@pytest.mark.real_broker
def test_messages_of_analyses_are_counted_at_the_broker() -> None:
    forget_messages()
    assert sweep._messages() == 0
    with current_app.connection_for_write() as connection:
        for number in (1, 2):
            current_app.send_task(jobs.ANALYSE_TASK, args=[str(number)], connection=connection)
    assert sweep._messages() == 2
    forget_messages()


def test_clock_that_goes_back_keeps_no_job_of_a_dead_worker(job) -> None:
    claim = jobs.lease(job.pk)
    Job.objects.update(lease_until=timezone.now() + timedelta(hours=1))
    # One that lives renews its lease, by the clock as it is now.
    assert jobs.renew(claim)
    assert sweep.take_back_expired() == 0
    Job.objects.update(lease_until=timezone.now() + timedelta(hours=1))
    assert sweep.take_back_expired() == 1


def test_clock_that_goes_back_keeps_no_job_unsent(job, enqueued) -> None:
    enqueued.clear()
    Job.objects.update(sent_at=timezone.now() + timedelta(hours=1))
    assert sweep.enqueue_waiting() == 1
    assert enqueued == [job.pk]
