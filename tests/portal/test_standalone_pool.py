"""The analysis worker of `make run`: one process, with the limits of time that Celery's solo pool lacks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from celery.exceptions import SoftTimeLimitExceeded

from portal.standalone import pool

HANGS_IN_C = """
import sys, time
from portal.standalone.pool import within
# As under Celery, where sys.stderr is a logger.
sys.stderr = object()
with within(None, 0.5):
    # One statement of C that keeps the interpreter to itself.
    sum(range(10**12))
"""


def test_task_is_given_to_the_target_with_its_arguments_and_answered() -> None:
    answers: list[object] = []
    pool._apply_within_limits(
        lambda first, second: first + second, (1, 2), {}, callback=answers.append, soft_timeout=5, timeout=10
    )
    assert answers == [3]


def test_task_beyond_its_soft_limit_is_told_so_and_the_clock_stops() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with pytest.raises(SoftTimeLimitExceeded), pool.within(0.05, 30):
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


def test_process_that_hangs_in_c_is_ended_at_the_hard_limit_and_says_where() -> None:
    began = time.monotonic()
    hung = subprocess.run(
        [sys.executable, "-c", HANGS_IN_C], capture_output=True, text=True, check=False, timeout=60
    )
    assert hung.returncode == 1
    assert "Timeout (0:00:00.500000)!" in hung.stderr
    assert "<module>" in hung.stderr
    assert time.monotonic() - began < 30
