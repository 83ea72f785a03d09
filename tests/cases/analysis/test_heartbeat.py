"""The sign of life of a job at work: as long as it works, and no longer than it may."""

import threading
import uuid

import pytest
from django.db import OperationalError

from cases.analysis import heartbeat, jobs
from cases.analysis.jobs import Lease
from cases.analysis.network import Network

LEASE = Lease(uuid.UUID(int=1), uuid.UUID(int=2), 1, "images/1.png", Network("n", "", ""))
PATIENCE = 30


class Renewals:
    """Stands for the database: counts what is asked of it, and answers in turn."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.asked: list[Lease] = []
        self.thread: threading.Thread | None = None
        self.all_asked = threading.Event()

    def __call__(self, lease: Lease) -> object:
        self.asked.append(lease)
        self.thread = threading.current_thread()
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if len(self.answers) == 1:
            self.all_asked.set()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def is_over(self) -> bool:
        assert self.thread is not None
        self.thread.join(PATIENCE)
        return not self.thread.is_alive()


@pytest.fixture
def short(settings) -> None:
    settings.JOB_LEASE_SECONDS = 0.04


def test_lease_is_renewed_while_the_job_is_at_work_and_not_after(short, monkeypatch) -> None:
    renewals = Renewals(True, True, True)
    monkeypatch.setattr(jobs, "renew", renewals)
    with heartbeat.renewing(LEASE):
        assert renewals.all_asked.wait(PATIENCE)
    assert renewals.is_over()
    assert set(renewals.asked) == {LEASE}


def test_lease_that_was_taken_back_is_not_asked_for_again(short, monkeypatch) -> None:
    renewals = Renewals(True, False)
    monkeypatch.setattr(jobs, "renew", renewals)
    with heartbeat.renewing(LEASE):
        assert renewals.all_asked.wait(PATIENCE)
        assert renewals.is_over()
    assert len(renewals.asked) == 2


def test_database_that_does_not_answer_is_asked_again(short, monkeypatch) -> None:
    renewals = Renewals(OperationalError("gone"), OperationalError("gone"), False)
    monkeypatch.setattr(jobs, "renew", renewals)
    with heartbeat.renewing(LEASE):
        assert renewals.all_asked.wait(PATIENCE)
        assert renewals.is_over()
    assert len(renewals.asked) == 3


def test_job_that_hangs_is_held_no_longer_than_it_may_take(short, settings, monkeypatch) -> None:
    settings.JOB_HARD_SECONDS = 0.1
    renewals = Renewals(True)
    monkeypatch.setattr(jobs, "renew", renewals)
    with heartbeat.renewing(LEASE):
        assert renewals.all_asked.wait(PATIENCE)
        assert renewals.is_over()
