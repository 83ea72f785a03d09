"""How long `make run` takes until the portal is ready: the first time, and after it.

    python docs/benchmarks/start.py [STARTS]

Runs what `make run` runs once its programs are installed, in a data folder of its own: the first time it
makes the database and the demo cases. Told are seconds until "SecondRead is ready", and the memory of all
of its processes then.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import psutil

from docs.benchmarks.figures import Figure, arguments, hand_over
from tests.support.ports import free_port

STARTS, READY, LAST_LINES = 3, "SecondRead is ready", 25


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("starts", nargs="?", type=int, default=STARTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secondread-bench-") as folder:
        first, _ = started(Path(folder))
        later = [started(Path(folder)) for _ in range(asked.starts)]
    seconds, held = (median(column) for column in zip(*later, strict=True))
    hand_over(
        [
            Figure("the first start, with database and demo cases", first, "s"),
            Figure("a later start", seconds, "s", asked.starts),
            Figure("memory of all processes, shared pages by their share", held, "MiB", asked.starts),
        ],
        asked.json,
    )


def started(var: Path) -> tuple[float, float]:
    """Start and stop it once: seconds until it is ready, and megabytes.

    Raises RuntimeError with its last words.
    """
    own = {"SECONDREAD_VAR": str(var), "HOST": "127.0.0.1", "PORT": str(free_port()), "PYTHONUNBUFFERED": "1"}
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | own
    began = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "portal.standalone", "--stop-with-parent"],
        cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as run:  # fmt: skip
        said: list[str] = []
        for line in run.stdout or ():
            said.append(line)
            if READY in line:
                break
        else:
            raise RuntimeError("".join(said[-LAST_LINES:]))
        seconds = time.perf_counter() - began
        ours = psutil.Process(run.pid)
        held = sum(each.memory_full_info().pss for each in (ours, *ours.children(recursive=True)))
        run.send_signal(signal.SIGTERM)
        run.communicate()
    return seconds, held / 2**20


if __name__ == "__main__":
    main()
