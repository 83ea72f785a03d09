"""Child processes that never outlive the supervisor, not even when it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Callable
from logging import INFO, Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, Protocol

from honcho.manager import SYSTEM_PRINTER_NAME, Manager
from honcho.process import Popen, Process

PR_SET_PDEATHSIG = 1
LOG_BYTES = 5 * 2**20
LAST_LINES = 20


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `number` to this process when its parent ends (prctl(2); Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)


class _BoundPopen(Popen):
    """honcho's Popen (own session, output in a pipe), bound to the life of its keeper."""

    def __init__(self, command: list[str], **kwargs: Any) -> None:
        super().__init__(command, shell=False, preexec_fn=die_with_parent, **kwargs)


class _BoundProcess(Process):
    """honcho keeps each child in a small process of its own; a killed supervisor takes it along."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._child_ctor = _BoundPopen

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        die_with_parent(signal.SIGKILL)
        super().run(events, ignore_signals)


class _LeaderFirst:
    """Ends a child the polite way first: the leader is told and ends its own children.

    honcho tells the whole group at once, which kills Celery's pool in the middle of a job.
    """

    def terminate(self, pid: int) -> None:
        _signal(os.kill, pid, signal.SIGTERM)

    def kill(self, pid: int) -> None:
        _signal(os.killpg, pid, signal.SIGKILL)


class _Signaller(Protocol):
    def __call__(self, pid: int, number: int, /) -> None: ...


def _signal(send: _Signaller, pid: int, number: int) -> None:
    try:
        send(pid, number)
    except ProcessLookupError:
        return


class _Message(Protocol):
    name: str
    data: bytes | str


class LogPrinter:
    """Writes what each process says to a log file of its own; the terminal stays quiet."""

    width = 0

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._handlers: dict[str, RotatingFileHandler] = {}
        self._last: dict[str, deque[str]] = {}

    def write(self, message: _Message) -> None:
        """Append one message of honcho's to its process's log."""
        data = message.data
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        for line in text.splitlines():
            self._last.setdefault(message.name, deque(maxlen=LAST_LINES)).append(line)
            self._handler(message.name).emit(LogRecord(message.name, INFO, "", 0, line, None, None))

    def last_lines(self, name: str) -> list[str]:
        """What the process said last."""
        return list(self._last.get(name, ()))

    def _handler(self, name: str) -> RotatingFileHandler:
        if name not in self._handlers:
            file = "supervisor" if name == SYSTEM_PRINTER_NAME else name
            handler = RotatingFileHandler(self.folder / f"{file}.log", maxBytes=LOG_BYTES, backupCount=2)
            handler.setFormatter(Formatter("%(message)s"))
            self._handlers[name] = handler
        return self._handlers[name]


class Supervisor(Manager):
    """honcho's Manager with bound children, files for their output, and a record of who stopped first."""

    def __init__(self, printer: LogPrinter, when_started: Callable[[], None]) -> None:
        super().__init__(printer)
        self._process_ctor = _BoundProcess
        self._procmgr = _LeaderFirst()
        self._when_started = when_started
        self.stopped_first: str | None = None

    def terminate(self) -> None:
        """End all; where a child's own end is the reason, remember which one it was."""
        if not self._terminating:
            ended = (name for name, held in self._processes.items() if "returncode" in held)
            self.stopped_first = next(ended, None)
        super().terminate()

    def loop(self) -> None:
        """Run until all children have ended, then make sure that none of theirs is left."""
        super().loop()
        for held in self._processes.values():
            self._procmgr.kill(held["pid"])

    def _start(self) -> None:
        super()._start()
        self._when_started()
