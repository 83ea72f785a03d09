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
from collections import Counter, deque
from collections.abc import Callable, Mapping
from logging import INFO, Formatter, LogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path

PR_SET_PDEATHSIG = 1
LOG_BYTES = 5 * 2**20
LAST_LINES = 20
# So long the children have after SIGTERM; an analysis that is cut off then is announced again.
KILL_SECONDS = 5
# A stop that takes longer than this says whom it waits for.
PATIENCE_SECONDS = 1
# How long a process that is started again is waited with, from the first time in a row to the last, after
# which it is given up; one that has lasted for a minute begins anew.
PAUSES = (0, 1, 5, 15, 30)
LASTING_SECONDS = 60


# Looked up here: a child in which this is called has no other thread that could give a lock back.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to send `number` to this process when its parent ends (prctl(2); Linux only)."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, number)


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

    def close(self) -> None:
        """Close the files."""
        with self._lock:
            for handler in self._handlers.values():
                handler.close()

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
            preexec_fn=die_with_parent,  # noqa: PLW1509 - it takes no lock
        )
        self.began = time.monotonic()

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
        assert self.process.stdout is not None  # noqa: S101 - what PIPE means
        with self.process.stdout as lines:
            for line in lines:
                printer.write(self.name, line.decode("utf-8", "replace").rstrip("\r\n"))

    def _wait(self, ended: Callable[[str], None]) -> None:
        self.process.wait()
        ended(self.name)


class Supervisor:
    """Runs the processes until one ends or a signal comes, then ends all, and remembers who stopped first.

    From `revive` on, one that ends is started again instead, until it has done so too often in a row.
    """

    def __init__(self, printer: LogPrinter) -> None:
        self.stopped_first: str | None = None
        self._printer = printer
        self._commands: dict[str, tuple[list[str], Mapping[str, str]]] = {}
        self._serving: set[str] = set()
        self._children: dict[str, Child] = {}
        self._is_reviving = False
        self._deaths: Counter[str] = Counter()
        # Name to when it is started again.
        self._due: dict[str, float] = {}
        # SimpleQueue.put may be called in a signal handler (queue's documentation: it is reentrant).
        self._events: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def add_process(
        self, name: str, command: list[str], env: Mapping[str, str], *, serves_others: bool = False
    ) -> None:
        """Have `command` started by `loop`, or by `start` before; what serves others ends after them."""
        self._commands[name] = (command, env)
        if serves_others:
            self._serving.add(name)

    def revive(self) -> None:
        """From now on start again what ends by itself. For any thread."""
        self._is_reviving = True

    def deaths(self, name: str) -> int:
        """How often the process has ended by itself in a row."""
        return self._deaths[name]

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start one of the processes; what prctl(2) calls its parent is the thread that calls this."""
        child = self._children[name] = Child(name, *self._commands[name])
        child.follow(self._printer, self._events.put)
        self._say(f"{name} started (pid={child.process.pid})")
        return child.process

    def loop(self, when_started: Callable[[], None] = lambda: None) -> None:
        """Run until all children have ended, then make sure that none of theirs is left."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            for name in self._commands:
                if name not in self._children:
                    self.start(name)
            when_started()
            self.stopped_first = self._until_one_ends()
        finally:
            self.close()

    def close(self) -> None:
        """End all processes that run, those that serve the others after these."""
        children, self._children = self._children, {}
        for is_serving in (False, True):
            self._end([each for name, each in children.items() if (name in self._serving) is is_serving])

    def _until_one_ends(self) -> str | None:
        """The first that ends and is not started again; None after a signal."""
        while True:
            try:
                ended = self._events.get(timeout=self._pause())
            except queue.Empty:
                self._start_due()
                continue
            if ended is None or not self._is_reviving or not self._has_another_life(ended):
                return ended

    def _pause(self) -> float | None:
        """How long nobody is to be started, in seconds; None where nobody is at all."""
        return max(0.0, min(self._due.values()) - time.monotonic()) if self._due else None

    def _start_due(self) -> None:
        for name in [name for name, when in self._due.items() if when <= time.monotonic()]:
            del self._due[name]
            self.start(name)

    def _has_another_life(self, name: str) -> bool:
        """Clear away what is left of it; whether it is to be started again, and when."""
        child = self._children[name]
        child.kill_group()
        child.close(1)
        if time.monotonic() - child.began > LASTING_SECONDS:
            del self._deaths[name]
        self._deaths[name] += 1
        if self._deaths[name] > len(PAUSES):
            return False
        pause = PAUSES[self._deaths[name] - 1]
        self._due[name] = time.monotonic() + pause
        self._say(f"{name} stopped by itself (rc={child.process.returncode}); again in {pause} s")
        print(
            f"The {name} process stopped by itself and is started again; what it was doing is done "
            f"again. {self._printer.folder / name}.log says more.",
            flush=True,
        )
        return True

    def _on_signal(self, number: int, frame: object) -> None:
        self._events.put(None)

    def _end(self, children: list[Child]) -> None:
        for child in children:
            child.terminate()
        began, said = time.monotonic(), False
        while left := [child.name for child in children if child.process.poll() is None]:
            waited = time.monotonic() - began
            if waited > KILL_SECONDS:
                break
            if waited > PATIENCE_SECONDS and not said:
                print(f"\n    waiting for {', '.join(left)}, {KILL_SECONDS} s at the most", flush=True)
                said = True
            time.sleep(0.05)
        for child in children:
            child.kill_group()
            child.close(1)
            self._say(f"{child.name} stopped (rc={child.process.returncode})")

    def _say(self, line: str) -> None:
        self._printer.write("supervisor", line)
