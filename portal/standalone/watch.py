"""Watching the started processes: when all answer."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import threading
import time
import urllib.request
from collections.abc import Callable

from celery import Celery

from portal.demo import DEMO_ACCOUNTS
from portal.standalone.commands import WORKERS
from portal.standalone.options import Options

PATIENCE_SECONDS = 180
SIGN_OF_LIFE_SECONDS = 5


class Watch:
    """A thread beside the supervisor's loop; a failure that it sees ends that loop by SIGTERM."""

    def __init__(
        self,
        options: Options,
        environment: dict[str, str],
        when_ready: Callable[[], None],
    ) -> None:
        self.failure = ""
        self._when_ready = when_ready
        self._options = options
        self._broker_url = environment["CELERY_BROKER_URL"]
        self._stopping = threading.Event()

    def start(self) -> None:
        """Begin to watch; called once the processes have been started."""
        threading.Thread(target=self._announce, daemon=True).start()

    def stop(self) -> None:
        """What ends from here on ends because it should."""
        self._stopping.set()

    def _announce(self) -> None:
        if self._all_answer():
            self._when_ready()
            print(f"SecondRead is ready at {self._options.url}", flush=True)
            print(_sign_ins(), flush=True)
        elif not self._stopping.is_set():
            self._fail(
                f"SecondRead did not become ready within {PATIENCE_SECONDS} s. "
                f"The logs in {self._options.logs} say why."
            )

    def _all_answer(self) -> bool:
        """Whether web and workers answer in time; says now and then what is still awaited."""
        started = said = time.monotonic()
        missing = {"web", *WORKERS}
        queue = Celery(broker=self._broker_url)
        while not self._stopping.is_set() and time.monotonic() - started < PATIENCE_SECONDS:
            missing -= _answering(missing, self._options, queue)
            if not missing:
                return True
            if time.monotonic() - said > SIGN_OF_LIFE_SECONDS:
                said = time.monotonic()
                print(f"    waiting for {', '.join(sorted(missing))}", flush=True)
            self._stopping.wait(0.1)
        return False

    def _fail(self, reason: str) -> None:
        if not self._stopping.is_set():
            self.failure = self.failure or reason
            os.kill(os.getpid(), signal.SIGTERM)


def _answering(missing: set[str], options: Options, queue: Celery) -> set[str]:
    found = {"web"} if "web" in missing and _web_answers(options) else set()
    if missing & WORKERS:
        answers = queue.control.ping(timeout=0.5) or []
        found |= {node.partition("@")[0] for answer in answers for node in answer}
    return found


def _web_answers(options: Options) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException):
        page = f"{options.probe_url}/health/ready/"
        with urllib.request.urlopen(page, timeout=2) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)  # noqa: PLR2004
    return False


def _sign_ins() -> str:
    """The demonstration's accounts, one a line."""
    lines = [
        f"  {account.role or 'superuser':<14} {account.email:<30} {account.password}"
        for account in DEMO_ACCOUNTS
    ]
    return "\n".join(["Demo sign-ins (simulated cases only):", *lines])
