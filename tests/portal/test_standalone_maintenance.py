"""Beat as a thread of the maintenance worker: it sends what is due, stops in time, and fails loudly."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from celery.worker import state

from portal.beat import Scheduler
from portal.celery import app
from portal.standalone.maintenance import BeatStep, BeatThread


@pytest.fixture(autouse=True)
def worker_that_goes_on() -> Iterator[None]:
    yield
    state.should_stop = None


@pytest.fixture
def celery(tmp_path: Path) -> Iterator[Celery]:
    with Celery("ticking", broker="memory://", set_as_current=False) as made:
        made.conf.beat_schedule_filename = str(tmp_path / "schedule")
        made.conf.beat_schedule = {"tick": {"task": "tick", "schedule": 0.2}}
        yield made


def test_thread_sends_what_is_due_and_stops_within_seconds(celery: Celery) -> None:
    beat = BeatThread(celery)
    beat.start()
    with celery.connection_for_read() as connection:
        message = connection.SimpleQueue("celery").get(timeout=10)
        assert message.headers["task"] == "tick"
    began = time.monotonic()
    beat.stop()
    assert not beat.is_alive()
    assert time.monotonic() - began < 5
    assert state.should_stop is None


def test_thread_that_fails_ends_the_worker(celery: Celery, tmp_path: Path) -> None:
    celery.conf.beat_schedule_filename = str(tmp_path / "no folder" / "schedule")
    beat = BeatThread(celery)
    beat.start()
    beat.join(10)
    assert state.should_stop == 1


def test_worker_s_step_comes_after_the_pool_and_holds_the_thread() -> None:
    assert BeatStep.requires == ("celery.worker.components:Pool",)
    thread = BeatStep.create(object.__new__(BeatStep), type("Worker", (), {"app": app}))
    assert isinstance(thread, BeatThread)
    assert thread._service.get_scheduler(lazy=True).__class__ is Scheduler
