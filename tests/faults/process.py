"""One process of the portal that is killed, and started again, as a container engine does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil

START_SECONDS = 120
STOP_SECONDS = 20
LAST_LINES = 25


class Process:
    """Its output goes to a log; `is_ready` says of that log, or of the world, when it serves."""

    def __init__(
        self, command: list[str], environment: dict[str, str], log: Path, is_ready: Callable[[Process], bool]
    ) -> None:
        self._command, self._environment, self._is_ready = command, environment, is_ready
        self._log = log
        self._from = 0
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Start it."""
        with self._log.open("ab") as output:
            self._from = output.tell()
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start it, and return when it serves. Raises RuntimeError with its last words."""
        self.begin()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready(self):
            if self.has_ended() or time.monotonic() > deadline:
                last = "\n".join(self.said().splitlines()[-LAST_LINES:])
                raise RuntimeError(f"{self._command} does not serve:\n{last}")
            time.sleep(0.05)

    def said(self) -> str:
        """Its words since it was last started."""
        with self._log.open("rb") as log:
            log.seek(self._from)
            return log.read().decode("utf-8", "replace")

    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def children(self) -> list[psutil.Process]:
        assert self._process is not None
        return psutil.Process(self._process.pid).children()

    def family(self) -> list[psutil.Process]:
        """It and all below it."""
        assert self._process is not None
        ours = psutil.Process(self._process.pid)
        return [ours, *ours.children(recursive=True)]

    def kill(self) -> None:
        """SIGKILL to it and to all that it started."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Ask it to end, as at a shutdown."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            self.kill()
