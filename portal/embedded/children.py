"""Child processes that never outlive the supervisor, not even when it is killed."""

from __future__ import annotations

import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from logging import INFO, Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOG_BYTES = 5 * 2**20
LAST_LINES = 20
# So long the children have after SIGTERM; an analysis that is cut off then is announced again.
KILL_SECONDS = 5


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `number` to this process when its parent ends (prctl(2); Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)


class LogPrinter:
    """Writes what each process says to a log file of its own; the terminal stays quiet."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._handlers: dict[str, RotatingFileHandler] = {}
        self._last: dict[str, deque[str]] = {}
        self._lock = threading.Lock()

    def write(self, name: str, line: str) -> None:
        """Append one line to the log of the process `name`."""
        with self._lock:
            self._last.setdefault(name, deque(maxlen=LAST_LINES)).append(line)
            self._handler(name).emit(LogRecord(name, INFO, "", 0, line, None, None))

    def last_lines(self, name: str) -> list[str]:
        """What the process said last."""
        return list(self._last.get(name, ()))

    def _handler(self, name: str) -> RotatingFileHandler:
        if name not in self._handlers:
            handler = RotatingFileHandler(self.folder / f"{name}.log", maxBytes=LOG_BYTES, backupCount=2)
            handler.setFormatter(Formatter("%(message)s"))
            self._handlers[name] = handler
        return self._handlers[name]


class Child:
    """One process in a session of its own, whose output goes to its log line by line."""

    def __init__(self, name: str, command: list[str], env: Mapping[str, str]) -> None:
        self.name = name
        self._readers: list[threading.Thread] = []
        # A session of its own: Ctrl-C reaches the terminal's whole foreground group, and each child is to be
        # ended by its supervisor. What prctl(2) calls the parent is the thread that forks: the main one.
        self.process = subprocess.Popen(
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 - no thread runs yet
        )

    def follow(self, printer: LogPrinter, ended: Callable[[str], None]) -> None:
        """Write its output to its log, and call `ended` with its name when it has ended."""
        # Two threads, since the end of the output says nothing: a grandchild may keep the pipe open.
        self._readers = [
            threading.Thread(target=self._read, args=(printer,), daemon=True),
            threading.Thread(target=self._wait, args=(ended,), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def terminate(self) -> None:
        """Ask it to end: the leader alone, which ends its own children the way that they need.

        A signal to the whole group would kill Celery's pool in the middle of a job.
        """
        if self.process.poll() is None:
            self.process.terminate()

    def kill_group(self) -> None:
        """End it and whatever it started, at once."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return

    def close(self, seconds: float) -> None:
        """Wait until it has ended and its last words are in the log."""
        self.process.wait()
        for reader in self._readers:
            reader.join(seconds)

    def _read(self, printer: LogPrinter) -> None:
        for line in self.process.stdout or ():
            printer.write(self.name, line.decode("utf-8", "replace").rstrip("\r\n"))

    def _wait(self, ended: Callable[[str], None]) -> None:
        self.process.wait()
        ended(self.name)


class Supervisor:
    """Runs the processes until one ends or a signal comes, then ends all, and remembers who stopped first."""

    def __init__(self, printer: LogPrinter, when_started: Callable[[], None]) -> None:
        self.stopped_first: str | None = None
        self._printer = printer
        self._when_started = when_started
        self._commands: dict[str, tuple[list[str], Mapping[str, str]]] = {}
        # SimpleQueue.put may be called in a signal handler (queue's documentation: it is reentrant).
        self._events: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def add_process(self, name: str, command: list[str], env: Mapping[str, str]) -> None:
        """Have `command` started by `loop`."""
        self._commands[name] = (command, env)

    def loop(self) -> None:
        """Run until all children have ended, then make sure that none of theirs is left."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        children: list[Child] = []
        try:
            for name, (command, env) in self._commands.items():
                children.append(Child(name, command, env))
                self._say(f"{name} started (pid={children[-1].process.pid})")
            for child in children:
                child.follow(self._printer, self._events.put)
            self._when_started()
            self.stopped_first = self._events.get()
        finally:
            self._end(children)

    def _on_signal(self, number: int, frame: object) -> None:
        self._events.put(None)

    def _end(self, children: list[Child]) -> None:
        for child in children:
            child.terminate()
        deadline = time.monotonic() + KILL_SECONDS
        while time.monotonic() < deadline and any(child.process.poll() is None for child in children):
            time.sleep(0.05)
        for child in children:
            child.kill_group()
            child.close(1)
            self._say(f"{child.name} stopped (rc={child.process.returncode})")

    def _say(self, line: str) -> None:
        self._printer.write("supervisor", line)
