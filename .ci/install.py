"""`python .ci/install.py LOCK`: pip into this environment, with one line that says how far it is.

Called by `make` with the environment's own Python. pip keeps its own settings (index, proxy, certificates),
so that what is set up for a company's mirror serves. Nothing is compiled here: Python compiles what it
imports at the first import. Measured on two cores with empty caches: 78 s as pip does it by itself, 33 s
without compiling, and 35 s with uv, which would not read pip's settings.
"""

from __future__ import annotations

import errno
import queue
import re
import subprocess
import sys
import sysconfig
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

OPTIONS = (
    "--no-compile",
    "--require-hashes",
    "--progress-bar=off",
    "--disable-pip-version-check",
    "--no-input",
)
LAST_LINES = 12
# A registry that has said nothing for so long is spoken of.
PATIENCE_SECONDS = 8
TERMINAL = sys.stdout.isatty()
START = "\r" if TERMINAL else ""
# On a terminal the line is written anew each second; into a file a line comes now and then.
PACE_SECONDS = 1 if TERMINAL else 5
UNPACKING = "unpacking"
NOISE = ("Ignoring ", "WARNING: Location ", "Looking in ")
NO_ANSWER = re.compile(
    r"Retrying \(|connection broken|ConnectionError|ConnectTimeout|ReadTimeout|ProxyError|SSLError"
)
NOT_THERE = re.compile(r"No matching distribution found for (\S+)")
FULL = "The disk is full. Make room (about 2.5 GB are needed) and type the command again."
MIRROR = (
    "Is there a network? Behind a proxy, set HTTPS_PROXY; behind a company's mirror, type "
    "`python3.11 -m pip config set global.index-url ADDRESS`. Then type the command again."
)


class Progress:
    """What pip has done so far, from its own words."""

    def __init__(self, lock: Path) -> None:
        self.lock = lock.name
        self.all = len(re.findall(r"^[A-Za-z0-9]", lock.read_text(encoding="utf-8"), re.MULTILINE))
        self.seen = 0
        self.now = "asking the registry"
        self.heard = False
        self.no_answer = False
        self.last: deque[str] = deque(maxlen=LAST_LINES)
        self.said = ""
        self._began = time.monotonic()

    def take(self, line: str) -> None:
        """Learn from a line of pip's."""
        words = line.strip()
        if found := re.match(r"(?:Collecting|Processing|Requirement already satisfied:) (\S+)", words):
            self.seen += 1
            self.now = Path(found[1]).name
        elif words.startswith(("Downloading ", "Using cached ")):
            self.heard = True
            self.now = words[0].lower() + words[1:]
        elif words.startswith("Installing collected packages"):
            self.heard = True
            self.now = UNPACKING
        elif words.startswith("Ignoring "):
            # For another Python or processor than this one.
            self.all -= 1
        self.no_answer |= bool(NO_ANSWER.search(words))
        if words and not words.startswith(NOISE):
            self.last.append(words)
        self.said += f"{words}\n" if "ERROR" in words or "Errno" in words else ""

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    def __str__(self) -> str:
        if self.now == UNPACKING:
            # pip says nothing more until all are there, and writes this folder last of each package.
            done = len(list(Path(sysconfig.get_path("purelib")).glob("*.dist-info")))
            return f"    {min(done, self.all)} of {self.all} unpacked ({self.seconds:.0f} s)"
        return f"    {self.seen} of {self.all}: {self.now} ({self.seconds:.0f} s)"


def main(lock: Path) -> int:
    """Install what the lock names. pip's exit status."""
    progress = Progress(lock)
    print(f"==> Installing {lock.name}, {progress.all} packages", flush=True)
    log = Path(sys.prefix) / "install.log"
    try:
        with log.open("w", encoding="utf-8") as written:
            status = _watch(lock, progress, written.write)
    except OSError as error:
        print(f"\n{FULL if error.errno == errno.ENOSPC else error}", file=sys.stderr)
        return 1
    if status:
        print(f"\n{_reason(progress)}\npip's own words are in {log}.", file=sys.stderr)
    return status


def _watch(lock: Path, progress: Progress, write: Callable[[str], object]) -> int:
    pip = subprocess.Popen(
        [sys.executable, "-m", "pip", "install", *OPTIONS, f"--requirement={lock}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=_read, args=(pip, lines), daemon=True)
    reader.start()
    shown, warned = 0.0, False
    try:
        while reader.is_alive() or not lines.empty():
            try:
                line = lines.get(timeout=0.2)
            except queue.Empty:
                pass
            else:
                write(line)
                progress.take(line)
            if (
                not warned
                and not progress.heard
                and (progress.no_answer or progress.seconds > PATIENCE_SECONDS)
            ):
                warned = True
                print(
                    f"{START}    The package registry does not answer; pip still tries. {MIRROR}", flush=True
                )
            if progress.seconds - shown >= PACE_SECONDS:
                shown = progress.seconds
                _show(str(progress))
        return pip.wait()
    finally:
        # Ctrl-C: pip has had it too.
        if pip.poll() is None:
            pip.terminate()
            pip.wait()
        if TERMINAL:
            print(flush=True)


def _read(pip: subprocess.Popen[str], lines: queue.SimpleQueue[str]) -> None:
    for line in pip.stdout or ():
        lines.put(line)


def _show(text: str) -> None:
    if TERMINAL:
        print(f"\r{text[:100]:<100}", end="", flush=True)
    else:
        print(text, flush=True)


def _reason(progress: Progress) -> str:
    said = "\n".join([*progress.last, progress.said])
    if "No space left" in said or "Errno 28" in said or "Errno 122" in said:
        return FULL
    if "DO NOT MATCH THE HASHES" in said:
        return f"The registry served another file than {progress.lock} names. Ask whoever keeps the mirror."
    if progress.no_answer:
        return f"The package registry cannot be reached. {MIRROR}"
    if found := NOT_THERE.search(said):
        return f"The registry has no {found[1]} for this Python and processor. {MIRROR}"
    return "\n".join(["pip failed:", *(f"    {line}" for line in progress.last)])


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except KeyboardInterrupt:
        sys.exit(130)
