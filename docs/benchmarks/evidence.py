"""What the evidence page, a snapshot and its files cost over many reviewed cases.

    python docs/benchmarks/evidence.py [--on sqlite|postgresql] [CASES ...]

Makes a blinded study of 1,000, 10,000 and 100,000 reviewed cases (reviewed_study.py), or of as many as are
given, each in a database of its own. Each act runs in a process of its own, which has answered another page
before; the files of a format are all tables of the newest snapshot, one after the other.
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
from functools import partial
from http import HTTPStatus
from importlib.abc import MetaPathFinder
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.benchmarks.figures import Figure, arguments, hand_over
from tests.support import postgres

SIZES = (1_000, 10_000, 100_000)
# What a snapshot may take over the idle process, in MiB, and of the processor, in seconds.
MOST_MEMORY, MOST_SECONDS = 64, 30
DATABASES = ("sqlite", "postgresql")
SNAPSHOT = "snapshot, in the worker"
FORMATS, RELEASES = ("csv", "ndjson", "json", "parquet"), ("r4b", "r5")


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
            is_export = title.startswith("snapshot, ")
            most = {"at_most": MOST_MEMORY} if is_export else {}
            longest = {"at_most": MOST_SECONDS} if title == SNAPSHOT else {}
            figures += [
                Figure(f"{what}: queries", queries, ""),
                Figure(f"{what}: processor", processor, "s", **longest),
                Figure(f"{what}: clock", seconds, "s"),
                Figure(f"{what}: memory over what it held", held, "MiB", **most),
            ]
        return figures


class _WithoutPandas(MetaPathFinder):
    """Hides pandas, which the tests' statsmodels brings along and the portal is installed without: pyarrow
    loads it, 50 MiB, wherever it is there.
    """

    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:
        """Nothing is found, and of pandas nobody else looks."""
        if fullname == "pandas":
            raise ModuleNotFoundError(fullname)


def taken(act: Callable[[], None]) -> tuple[int, float, float, float]:
    """Queries, seconds by the clock and of the processor, and megabytes that the act took."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    sys.meta_path.insert(0, _WithoutPandas())
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


def fetch(extension: str) -> None:
    """What a study administrator is sent of the newest snapshot: every table, or the one Bundle."""
    from django.test import Client

    from cases.export.snapshots.tables import TABLES
    from cases.models import Snapshot
    from portal.accounts.models import User

    client = Client()
    client.force_login(User.objects.get(email="head@example.org"))
    key = Snapshot.objects.latest("created_at").pk
    files = (
        [f"{table}.{extension}" for table in TABLES] if extension in FORMATS else [f"fhir/{extension}.json"]
    )
    for file in files:
        answer = client.get(f"/dashboard/snapshots/{key}/{file}")
        if answer.status_code != HTTPStatus.OK or not sum(map(len, answer)):
            raise RuntimeError(f"{file} answers {answer.status_code}")


ACTS = {
    "page, before the first figures": page,
    "figures, in the worker": compute,
    "page, once they are there": page,
    SNAPSHOT: snapshot,
    **{
        f"{SNAPSHOT.partition(',')[0]}, fetched as {name}": partial(fetch, name)
        for name in (*FORMATS, *RELEASES)
    },
}

if __name__ == "__main__":
    sys.exit(main())
