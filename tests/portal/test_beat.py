"""Beat on a clock that goes back: it sends on time all the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from django.conf import settings

from portal.beat import Scheduler

HOUR = timedelta(hours=1)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[Scheduler]:
    with Celery("ticking", broker="memory://", set_as_current=False) as celery:
        # All brokers in memory of one process are one.
        celery.conf.task_default_queue = "of-this-test"
        celery.conf.beat_schedule = {
            "often": {"task": "often", "schedule": 5},
            "seldom": {"task": "seldom", "schedule": 60},
        }
        made = Scheduler(celery, schedule_filename=str(tmp_path / "schedule"))
        yield made
        made.close()


def move(scheduler: Scheduler, by: timedelta, *names: str) -> None:
    """Change when those tasks, or all, were sent last."""
    for name in names or scheduler.schedule:
        entry: Any = scheduler.schedule[name]
        entry.last_run_at += by


def test_beat_of_the_portal_is_this_one() -> None:
    assert settings.CELERY_BEAT_SCHEDULER == "portal.beat:Scheduler"


def test_task_waits_no_longer_than_its_interval_after_the_clock_went_back(scheduler: Scheduler) -> None:
    scheduler.tick()
    move(scheduler, HOUR)
    assert 0 < scheduler.tick() <= 5


def test_time_that_a_former_beat_has_left_is_none_of_the_future(scheduler: Scheduler) -> None:
    move(scheduler, HOUR)
    assert 0 < scheduler.tick() <= 5
    entries: Any = scheduler.schedule.values()
    assert all(entry.last_run_at <= entry.default_now() for entry in entries)


def test_task_that_was_due_is_sent_at_once(scheduler: Scheduler) -> None:
    move(scheduler, -HOUR, "often")
    assert scheduler.tick() == 0
    assert scheduler.schedule["often"].total_run_count == 1
    assert scheduler.schedule["seldom"].total_run_count == 0
