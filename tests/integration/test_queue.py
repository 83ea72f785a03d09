"""The way of an image through a real broker and a real worker, and what happens when one of them dies."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from celery import Celery, current_app
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from cases import storage
from cases.analysis import jobs, step_times
from cases.analysis.worker import sweep_jobs
from cases.intake.uploads import submit_file
from cases.lifecycle import JobStatus
from cases.models import Case, Job, Prediction
from cases.request_context import named
from inference.heatmaps import unpack
from portal.monitoring import state
from tests.cast import make_png_bytes
from tests.support import worker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.real_broker,
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="needs a real PostgreSQL and broker"),
    pytest.mark.timeout(600),
]

# A worker that has just started loads the network first, which a busy machine takes its time for.
PATIENCE = 120
QUEUE = settings.CELERY_TASK_ROUTES[jobs.ANALYSE_TASK]["queue"]


def wait_until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, (
            f"{what}: {list(Job.objects.values_list('status', 'error_message'))}"
        )
        time.sleep(0.1)


@pytest.fixture
def upload(owner, cohort) -> Callable[[int], Case]:
    def take_in(seed: int) -> Case:
        receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes(96, 80, seed=seed)))
        assert receipt.case is not None, receipt
        return receipt.case

    return take_in


@pytest.fixture(autouse=True)
def empty_broker(monkeypatch) -> None:
    """Nothing waits there, and this process does not leave it alone for what a test before has met."""
    worker.forget_messages()
    monkeypatch.setattr(jobs, "_broker_rests_until", 0.0)


@pytest.fixture(scope="module")
def workers(django_db_setup: None) -> Iterator[ExitStack]:
    """Those that run; they end as it is closed."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture(scope="module")
def start_worker(workers: ExitStack) -> Callable[[str], Path]:
    """Start a worker with that pool, which runs until these tests are over or one of them ends it; returns
    its log.
    """
    return lambda pool: workers.enter_context(
        worker.running(connection.settings_dict, settings.CELERY_BROKER_URL, pool)
    )


@pytest.fixture(scope="module")
def worker_log(start_worker: Callable[[str], Path]) -> Path:
    """One worker for these tests, since it takes longer to start than they do."""
    return start_worker("prefork")


@contextmanager
def worker_waits() -> Iterator[None]:
    """For the length of the block the worker takes no message."""
    assert current_app.control.cancel_consumer(QUEUE, reply=True, limit=1, timeout=PATIENCE)
    yield
    assert current_app.control.add_consumer(QUEUE, reply=True, limit=1, timeout=PATIENCE)


def messages_done(log: Path) -> int:
    """How many messages about an analysis the worker is through with."""
    lines = log.read_text(errors="replace").splitlines()
    return sum(f"Task {jobs.ANALYSE_TASK}[" in line and "succeeded in" in line for line in lines)


def all_done() -> bool:
    return not Job.objects.exclude(status=JobStatus.SUCCEEDED).exists()


def kill_worker() -> None:
    """SIGKILL to the worker and its pool, as a power cut would."""
    stats = current_app.control.inspect(limit=1, timeout=PATIENCE).stats()
    assert stats
    for found in stats.values():
        for process in {found["pid"], *found["pool"]["processes"]}:
            os.kill(process, signal.SIGKILL)


def test_request_that_sent_a_job_is_named_in_the_workers_log(upload, worker_log) -> None:
    request = "0123456789abcdef0123456789abcdef"
    with named(request):
        upload(90)
    wait_until(all_done, "the job is not done")
    line = f" {request} celery.app.trace Task {jobs.ANALYSE_TASK}["
    wait_until(lambda: line in worker_log.read_text(errors="replace"), "the log does not name the request")


def test_steps_of_a_job_in_the_worker_are_told_here(upload, worker_log) -> None:
    upload(91)
    wait_until(all_done, "the job is not done")
    wait_until(lambda: set(step_times.read()) == set(step_times.STEPS), "the worker told no steps")


def test_worker_answers_for_the_queue_that_it_serves(worker_log) -> None:
    assert state.answering_workers() == {"analysis": True, "maintenance": False}


def test_upload_while_the_broker_forgets_everything_is_analysed_after_all(upload, worker_log) -> None:
    with worker_waits():
        upload(1)
        worker.forget_messages()
        Job.objects.update(sent_at=timezone.now() - timedelta(seconds=settings.JOB_REDISPATCH_SECONDS + 1))
    assert Job.objects.get().status == JobStatus.QUEUED
    sweep_jobs()
    wait_until(all_done, "analysis after the broker forgot it")
    assert Prediction.objects.count() == 1


def test_uploaded_picture_is_analysed_by_the_shipped_network(upload, worker_log) -> None:
    case = upload(1)
    wait_until(all_done, "analysis")
    prediction = Prediction.objects.get(image__case=case)
    labels = prediction.model_version.class_labels
    assert list(prediction.probability_by_class) == list(labels)
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert prediction.confidence == max(prediction.probabilities.values())
    maps = unpack(storage.load(prediction.maps_file))
    assert [len(maps.values[layer]) for layer in maps.layers] == [len(labels)] * len(
        prediction.model_version.layers
    )


def test_message_that_comes_twice_gives_one_result(upload, worker_log) -> None:
    before = messages_done(worker_log)
    with worker_waits():
        case = upload(1)
        job = Job.objects.get(image__case=case)
        jobs.enqueue(job.pk)
        jobs.enqueue(job.pk)
    wait_until(lambda: messages_done(worker_log) == before + 3, "three messages")
    assert Prediction.objects.count() == 1
    assert Job.objects.get().attempts == 1
    assert all_done()


@pytest.mark.parametrize("pool", ["prefork", "custom"])
def test_worker_killed_in_the_middle_loses_no_job_and_doubles_none(
    upload, worker_log, start_worker, pool: str
) -> None:
    if pool != "prefork":
        kill_worker()
        start_worker(pool)
    for seed in range(6):
        upload(seed)
    wait_until(lambda: Job.objects.filter(status=JobStatus.SUCCEEDED).exists(), "first analysis")
    kill_worker()
    # One that was claimed when the power went; its lease is over by the time that anybody looks.
    left = Job.objects.exclude(status=JobStatus.SUCCEEDED).first()
    if left is not None and left.status == JobStatus.QUEUED:
        jobs.lease(left.pk)
    past = timezone.now() - timedelta(seconds=1)
    Job.objects.filter(status=JobStatus.RUNNING).update(lease_until=past)
    # The messages that it had taken and not begun are gone with it.
    forgotten = timezone.now() - timedelta(seconds=settings.JOB_REDISPATCH_SECONDS + 1)
    Job.objects.filter(status=JobStatus.QUEUED).update(sent_at=forgotten)
    start_worker(pool)
    sweep_jobs()
    wait_until(all_done, "analyses after the kill")
    assert Prediction.objects.count() == Job.objects.count() == 6


def test_upload_with_a_dead_broker_is_taken_in_and_waits(owner, cohort, monkeypatch) -> None:
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")  # nobody is there
    queue = Celery(set_as_current=False)
    queue.config_from_object("django.conf:settings", namespace="CELERY")
    monkeypatch.setattr(jobs, "current_app", queue)
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes(seed=8)))
    job = Job.objects.get()
    assert (receipt.outcome, job.status, job.sent_at) == ("received", JobStatus.QUEUED, None)


def test_worker_that_is_told_to_stop_ends_its_job_and_hands_the_others_back(
    upload, workers, start_worker
) -> None:
    # Those of the tests before, whichever these were.
    workers.close()
    log = start_worker("prefork")
    with worker_waits():
        for seed in range(200, 212):
            upload(seed)
    wait_until(lambda: Job.objects.exclude(status=JobStatus.QUEUED).exists(), "no job has begun")
    (stats,) = current_app.control.inspect(limit=1, timeout=PATIENCE).stats().values()
    leader = psutil.Process(stats["pid"])
    leader.terminate()
    # It is a child of this process, which asks for its end later.
    wait_until(lambda: leader.status() == psutil.STATUS_ZOMBIE, "the worker goes on")
    assert "Warm shutdown" in log.read_text(errors="replace")
    left = Job.objects.exclude(status=JobStatus.SUCCEEDED)
    assert set(left.values_list("status", "attempts")) <= {(JobStatus.QUEUED, 0)}
    with current_app.connection_for_read() as broker:
        waiting = broker.SimpleQueue(QUEUE).qsize()
    assert waiting == left.count()
    worker.forget_messages()
