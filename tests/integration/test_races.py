"""Races, with real threads on a real PostgreSQL: each ends in exactly one result."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.db import connection, connections, transaction
from django.utils import timezone

from cases.analysis import jobs, model_versions, sweep
from cases.analysis.reanalysis import reanalyse
from cases.analysis.results import current_result
from cases.intake.uploads import submit_file
from cases.lifecycle import Verdict
from cases.models import AuditEvent, Case, Image, Job, ModelVersion, Prediction, Review
from cases.permissions import require_reader
from cases.reading.read_input import ReadInput
from cases.reading.reviews import ReviewConflict, amend_review, submit_review
from tests.cast import make_png_bytes
from tests.models import write_files

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor != 'postgresql'", reason="races need a real PostgreSQL"),
]

RUNNERS = 8


def race(act: Callable[[], object]) -> list[object]:
    """Run `act` in RUNNERS threads that start together; results and exceptions, in no order."""
    gate = threading.Barrier(RUNNERS)
    outcomes: list[object] = []

    def run() -> None:
        gate.wait(timeout=10)
        try:
            outcomes.append(act())
        except Exception as error:  # noqa: BLE001 - the outcome is what is looked at
            outcomes.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(RUNNERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(outcomes) == RUNNERS
    return outcomes


def test_job_claimed_by_many_workers_at_once_goes_to_one(submitted_case) -> None:
    job = Job.objects.get()
    claims = [claim for claim in race(lambda: jobs.lease(job.pk)) if claim is not None]
    assert len(claims) == 1
    job.refresh_from_db()
    assert (job.token, job.attempts) == (claims[0].token, 1)


def test_claim_completed_many_times_at_once_stores_one_prediction(submitted_case) -> None:
    claim = jobs.lease(Job.objects.get().pk)
    result = jobs.Result("glioma", {"glioma": 1.0}, b"maps", 0.1)
    assert Counter(race(lambda: jobs.complete(claim, result))) == {True: 1, False: RUNNERS - 1}
    assert Prediction.objects.count() == 1


def test_same_file_uploaded_many_times_at_once_is_one_case(owner, cohort, model_version) -> None:
    data = make_png_bytes(seed=4)
    receipts = race(lambda: submit_file(by=owner, cohort=cohort, file=ContentFile(data)))
    assert Counter(receipt.outcome.value for receipt in receipts) == {"received": 1, "duplicate": RUNNERS - 1}
    assert {receipt.case for receipt in receipts} == {Case.objects.get()}
    assert Image.objects.count() == Job.objects.count() == 1


def test_review_submitted_from_many_tabs_at_once_is_stored_once(ready_case, colleague) -> None:
    prediction = current_result(colleague, ready_case)
    opinion = ReadInput("", 4, verdict=Verdict.AGREE)
    outcomes = race(
        lambda: submit_review(
            reader=require_reader(colleague, ready_case), prediction=prediction, read=opinion
        )
    )
    assert Counter(type(outcome) for outcome in outcomes) == {Review: 1, ReviewConflict: RUNNERS - 1}
    assert Review.objects.count() == 1


def test_review_amended_from_many_tabs_at_once_is_amended_once(reviewed_case, colleague) -> None:
    first = Review.objects.get()
    opinion = ReadInput("", 2, verdict=Verdict.AGREE)
    outcomes = race(lambda: amend_review(by=colleague, review=first, read=opinion, reason="again"))
    assert Counter(type(outcome) for outcome in outcomes) == {Review: 1, ReviewConflict: RUNNERS - 1}
    assert Review.objects.count() == 2


def test_two_readers_at_once_close_a_case_that_wants_two(
    ready_case, cohort, colleague, administrator
) -> None:
    cohort.readers_required = 2
    cohort.save()
    ready_case.refresh_from_db()
    prediction = current_result(colleague, ready_case)
    waiting = [colleague, administrator]
    lock = threading.Lock()

    def read() -> object:
        with lock:
            reader = waiting.pop() if waiting else None
        if reader is None:
            return None
        opinion = ReadInput("", 3, verdict=Verdict.AGREE)
        return submit_review(reader=require_reader(reader, ready_case), prediction=prediction, read=opinion)

    assert Counter(type(outcome) for outcome in race(read))[Review] == 2
    ready_case.refresh_from_db()
    assert ready_case.state == "reviewed"


def test_lease_taken_back_while_the_worker_completes_has_one_winner(submitted_case) -> None:
    claim = jobs.lease(Job.objects.get().pk)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    turns = iter(
        [lambda: jobs.complete(claim, jobs.Result("glioma", {"glioma": 1.0}, b"m", 0.1))]
        + [sweep.take_back_expired] * (RUNNERS - 1)
    )
    lock = threading.Lock()

    def act() -> object:
        with lock:
            turn = next(turns)
        return turn()

    outcomes = race(act)
    status = Job.objects.get().status
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert (status, Prediction.objects.count()) in {("succeeded", 1), ("queued", 0)}


def test_worker_that_stands_still_in_its_transaction_keeps_the_sweep_from_no_other(submit) -> None:
    stuck, other = (Job.objects.get(image__case=submit(seed=seed)) for seed in (1, 2))
    for job in (stuck, other):
        jobs.lease(job.pk)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    with transaction.atomic():
        Job.objects.select_for_update().get(pk=stuck.pk)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(in_own_connection, sweep.take_back_expired).result(60) == 1
    assert set(Job.objects.values_list("pk", "status")) == {(stuck.pk, "running"), (other.pk, "queued")}
    assert sweep.take_back_expired() == 1


def test_worker_that_stands_still_in_its_transaction_is_let_go_in_time(submitted_case, settings) -> None:
    with transaction.atomic():
        jobs._let_go_of_who_stands_still()
        with connection.cursor() as cursor:
            cursor.execute("SHOW idle_in_transaction_session_timeout")
            assert cursor.fetchone() == (f"{settings.JOB_LEASE_SECONDS}s",)
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)


def in_own_connection(act: Callable[[], int]) -> int:
    try:
        return act()
    finally:
        connections.close_all()


def test_versions_activated_at_once_leave_one_active(tmp_path, settings) -> None:
    settings.MODEL_DIR = str(tmp_path)
    names = [f"race-{number}" for number in range(RUNNERS)]
    versions = [model_versions.register_file(by=None, path=write_files(tmp_path, name)) for name in names]
    turns = iter(versions)
    lock = threading.Lock()

    def activate() -> object:
        with lock:
            version = next(turns)
        return model_versions.activate(by=None, version=version)

    assert Counter(race(activate)) == {True: RUNNERS}
    last = AuditEvent.objects.filter(action="model.activated").order_by("at").last()
    assert ModelVersion.objects.get(is_active=True).name == last.details["name"]
    # Each took over from the one before it: nobody was overlooked.
    events = AuditEvent.objects.filter(action="model.activated").order_by("at")
    assert [event.details["before"] for event in events][1:] == [event.details["name"] for event in events][
        :-1
    ]


def test_rolling_back_many_times_at_once_is_one_step(tmp_path, settings) -> None:
    settings.MODEL_DIR = str(tmp_path)
    for name in ("one", "two", "three"):
        version = model_versions.register_file(by=None, path=write_files(tmp_path, name))
        model_versions.activate(by=None, version=version)
    outcomes = race(lambda: model_versions.roll_back(by=None, version=version))
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {ModelVersion: 1, model_versions.NoWayBack: RUNNERS - 1}
    assert ModelVersion.objects.get(is_active=True).name == "two"


def test_cohort_reanalysed_many_times_at_once_is_queued_once(ready_case, newer_version, cohort) -> None:
    plans = race(lambda: reanalyse(by=None, cohort=cohort))
    assert Counter((plan.to_queue, plan.in_work) for plan in plans) == {(1, 0): 1, (0, 1): RUNNERS - 1}
    assert Job.objects.filter(model_version=newer_version).count() == 1
    assert AuditEvent.objects.filter(action="cohort.reanalysed").count() == 1


def test_server_is_the_real_one() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        assert cursor.fetchone()[0]
