"""What the evidence page and a snapshot cost over many reviewed cases.

    python docs/benchmarks/evidence.py [--on sqlite|postgresql] [CASES ...]

Makes a blinded study of 100 and of 100,000 reviewed cases (reviewed_study.py), or of as many as are given,
each in a database of its own. Each act runs in a process of its own, which has answered another page before.
Prints queries, seconds by the clock and of that process's processor, and the memory that it took over what it
held before.
"""

from __future__ import annotations

import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from http import HTTPStatus
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.benchmarks.figures import Figure, arguments, hand_over
from tests.support import postgres

SIZES = (100, 100_000)
DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """Measure what was asked for."""
    parser = arguments(__doc__)
    parser.add_argument("--on", choices=DATABASES, default="sqlite")
    parser.add_argument("sizes", nargs="*", type=int, metavar="CASES", default=SIZES)
    asked = parser.parse_args()
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="secondread-bench-"))
        url = f"sqlite:///{folder}/bench.sqlite3"
        if asked.on == "postgresql":
            url = held.enter_context(postgres.serving())
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.test",
            "SECONDREAD_VAR": folder,
            "DATABASE_URL": url,
            "CELERY_BROKER_URL": "memory://",
            "EVIDENCE_KEEP_FROM": "0",
        }
        import django

        django.setup()
        print(f"{asked.on}, Python {platform.python_version()}, {os.cpu_count()} cores\n")
        figures = [figure for size in asked.sizes for figure in measure(size, Path(folder))]
        hand_over(figures, asked.json)
    return 0


def measure(size: int, folder: Path) -> list[Figure]:
    """Make the study, and tell what each act takes."""
    from django.db import connection

    from docs.benchmarks.reviewed_study import fill
    from docs.benchmarks.worklist import database

    with database(f"evidence_{size}", folder):
        fill(size)
        figures = []
        for title, act in ACTS.items():
            connection.close()
            with get_context("fork").Pool(1) as pool:
                queries, seconds, processor, held = pool.apply(taken, (act,))
            what = f"{title}, {size:,} cases"
            figures += [
                Figure(f"{what}: queries", queries, ""),
                Figure(f"{what}: processor", processor, "s"),
                Figure(f"{what}: clock", seconds, "s"),
                Figure(f"{what}: memory over what it held", held, "MiB"),
            ]
        return figures


def taken(act: Callable[[], None]) -> tuple[int, float, float, float]:
    """Queries, seconds by the clock and of the processor, and megabytes that the act took."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    look("/dashboard/")
    before, clock, processor = _peak(), time.perf_counter(), time.process_time()
    with CaptureQueriesContext(connection) as queries:
        act()
    return (
        len(queries),
        time.perf_counter() - clock,
        time.process_time() - processor,
        (_peak() - before) / 2**10,
    )


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def look(address: str) -> None:
    """What a study administrator is sent."""
    from django.test import Client

    from portal.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(email="head@example.org"))
    status = client.get(address).status_code
    if status != HTTPStatus.OK:
        raise RuntimeError(f"{address} answers {status}")


def page() -> None:
    """The evidence."""
    look("/dashboard/evidence/")


def compute() -> None:
    """What the maintenance worker does."""
    from cases.evidence.computed import compute_waiting

    if compute_waiting() != 1:
        raise RuntimeError("the figures were not computed")


def snapshot() -> None:
    """Ask for a snapshot, and write it."""
    from cases.export.snapshots import building
    from cases.models import Cohort
    from portal.accounts.models import User

    building.ask_for_snapshot(by=User.objects.get(email="head@example.org"), cohort=Cohort.objects.get())
    if building.build_waiting() != 1:
        raise RuntimeError("the snapshot was not written")


ACTS = {
    "page, before the first figures": page,
    "figures, in the worker": compute,
    "page, once they are there": page,
    "snapshot, in the worker": snapshot,
}

if __name__ == "__main__":
    sys.exit(main())
