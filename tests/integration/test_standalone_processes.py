"""The processes of `make run`: how few they are, and that one of them may end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.integration.test_standalone import ready_portal, runs

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

# The broker, the web, the analysis and the maintenance with its beat: with supervisor and `make` six.
BELOW = ["--queues=analysis", "portal.standalone.maintenance", "portal.standalone.webserver", "valkey-server"]


def wait_until(holds: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_four_processes_do_all_and_the_analysis_is_started_again_when_it_ends(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with ready_portal(tmp_path) as portal:
        found = [" ".join(each.cmdline()) for each in portal.below]
        assert sorted(part for line in found for part in BELOW if part in line) == BELOW
        assert len(found) == len(BELOW), found
        # Beat is where nobody sees it: what it sends is swept.
        maintenance = log / "maintenance.log"
        wait_until(lambda: "sweep_jobs" in maintenance.read_text(), 30)

        former = portal.named("--queues=analysis")
        former.kill()
        wait_until(lambda: not runs(former), 30)
        supervisor = psutil.Process(portal.process.pid)
        wait_until(lambda: len(supervisor.children(recursive=True)) == len(BELOW), 60)
        said_before = (log / "analysis.log").read_text().count(" ready.")
        wait_until(lambda: (log / "analysis.log").read_text().count(" ready.") > said_before, 120)
        portal.below = supervisor.children(recursive=True)
        os.kill(portal.process.pid, signal.SIGTERM)
        said = portal.end()
        assert "The analysis process stopped by itself and is started again" in said
        assert said.endswith("SecondRead has stopped.\n")
        assert portal.process.returncode == 0
        assert portal.left(0) == []
