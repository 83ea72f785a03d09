"""A real Celery worker on the test database, as a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celery import Celery, current_app
from django.conf import settings

from cases.analysis import jobs

START_SECONDS = 150
STOP_SECONDS = 15
SETTLE_SECONDS = 60
LAST_LINES = 25
NODE = "analysis@tests"


def forget_messages() -> None:
    """Empty the queue of analyses. Celery's own purge empties the default queue alone."""
    with current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        channel.queue_purge(settings.CELERY_TASK_ROUTES[jobs.ANALYSE_TASK]["queue"])


@contextlib.contextmanager
def running(database: dict[str, Any], broker_url: str, pool: str = "prefork") -> Iterator[Path]:
    """Serve the queue `analysis` for the length of the block; yields the log's path.

    `pool` is Celery's name of one; "custom" is the one of `make run`.
    `database` is the `settings_dict` of the connection to the test database.
    Raises RuntimeError, with the log, where the worker does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="secondread-worker-") as folder:
        log = Path(folder) / "worker.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "celery", "--app=portal.celery", "worker", "--queues=analysis"]
            command += [
                f"--hostname={NODE}",
                f"--pool={pool}",
                "--concurrency=1",
                "--without-gossip",
                "--without-mingle",
            ]
            worker = subprocess.Popen(
                [*command, "--loglevel=INFO"],
                env=_environment(database, broker_url),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            _wait_for_answer(worker, broker_url, log)
            yield log
        finally:
            _stop(worker)


def settle() -> None:
    """Throw away what waits in the queue, and return once the worker has ended what it has at hand.

    Raises TimeoutError where it does not end.
    """
    forget_messages()
    worker = current_app.control.inspect(destination=[NODE])
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        # None where it is too busy to answer.
        if (worker.reserved(), worker.active()) == ({NODE: []}, {NODE: []}):
            return
        time.sleep(0.05)
    raise TimeoutError(f"The worker does not end after {SETTLE_SECONDS} s")


def _environment(database: dict[str, Any], broker_url: str) -> dict[str, str]:
    """The plain settings, on this test run's database, files and broker."""
    person = f"{database['USER']}:{database['PASSWORD']}@" if database["PASSWORD"] else f"{database['USER']}@"
    place = f"{database['HOST']}:{database['PORT']}/{database['NAME']}"
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "portal.settings.base",
        "DATABASE_URL": f"postgres://{person}{place}",
        "CELERY_BROKER_URL": broker_url,
        "CELERY_CUSTOM_WORKER_POOL": "portal.standalone.pool:TaskPool",
        "SECONDREAD_VAR": str(settings.VAR_DIR),
        "SECRET_KEY": settings.SECRET_KEY,
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }


def _wait_for_answer(worker: subprocess.Popen[bytes], broker_url: str, log: Path) -> None:
    queue = Celery(broker=broker_url, set_as_current=False)
    deadline = time.monotonic() + START_SECONDS
    while worker.poll() is None and time.monotonic() < deadline:
        if queue.control.ping(timeout=0.5):
            queue.close()
            return
    raise RuntimeError(f"The worker does not answer:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])


def _stop(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        # Its pool as well: a process of that would go on with its job, on a database that is emptied.
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
