"""What pages, REST and a reader's acts cost as cases grow in number, on SQLite and on PostgreSQL.

    python docs/benchmarks/worklist.py [--on sqlite|postgresql] [--rounds N] [CASES ...]

Makes 100, 10,000 and 100,000 cases (many_cases.py), or as many as are given, each number in a database of its
own: a file of SQLite in a temporary folder, and the PostgreSQL that the tests run on. Prints for each act the
queries, the median of the milliseconds by the clock and of the processor's, ours and the database's together,
at each number, the ratios of the largest to the smallest, and what our process came to hold at the most over
what it held before. The numbers are measured in turns, so that
whatever else the machine does meets all of them.

Ends with 1, and a star beside the act, where the processor's ratio is over 3. The clock's is not judged: on a
machine that has other work it tells of that too.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.benchmarks.costs import Peak
from docs.benchmarks.figures import Figure, arguments, hand_over
from tests.support import postgres

if TYPE_CHECKING:
    from docs.benchmarks.worklist_acts import Act

SIZES, ROUNDS, MOST = (100, 10_000, 100_000), 9, 3.0
DATABASES = ("sqlite", "postgresql")
# What is handed over, of all that is printed.
TOLD = (
    "worklist",
    "case page",
    "next case",
    "submit a review",
    "export: a page",
    "export: CSV of a few days",
    "dashboard",
)


@dataclass
class Taken:
    """What one act took at one number of cases, round by round."""

    queries: int = 0
    sent: int = 0
    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    # Megabytes that our process took more, at the most.
    memory: list[float] = field(default_factory=list)


def main() -> int:
    """Measure what was asked for, each database in a process of its own."""
    parser = arguments(__doc__)
    parser.add_argument("--on", choices=DATABASES, help="one database; both by default")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("sizes", nargs="*", type=int, metavar="CASES", default=SIZES)
    asked = parser.parse_args()
    if asked.on is None:
        ours = [sys.executable, __file__, f"--rounds={asked.rounds}", *map(str, asked.sizes)]
        if asked.json:
            raise SystemExit("Figures are handed over of one database: say --on which.")
        return max(
            subprocess.run([*ours, f"--on={name}"], check=False).returncode  # noqa: S603 - our own
            for name in DATABASES
        )
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
        }
        import django

        django.setup()
        taken = measured(asked.sizes, asked.rounds, Path(folder))
    status = told(taken, asked.on, asked.rounds)
    if asked.json:
        hand_over(figures_of(taken), asked.json)
    return status


def measured(sizes: list[int], rounds: int, folder: Path) -> dict[int, dict[str, Taken]]:
    """What each act took, by the number of cases and its title."""
    from docs.benchmarks.many_cases import fill
    from docs.benchmarks.worklist_acts import acts_of

    taken: dict[int, dict[str, Taken]] = {}
    acts = {}
    with ExitStack() as databases:
        for size in sizes:
            databases.enter_context(database(f"bench_{size}", folder))
            started = time.perf_counter()
            acts[size] = acts_of(fill(size))
            taken[size] = {title: Taken() for title in acts[size]}
            seconds = time.perf_counter() - started
            print(f"{size:,} cases are there after {seconds:.0f} s", file=sys.stderr, flush=True)
        for number in range(rounds + 1):
            for size in sizes:
                switch_to(f"bench_{size}", folder)
                for title, act in acts[size].items():
                    take(act, taken[size][title] if number else Taken())  # the first round warms up
    return taken


def switch_to(name: str, folder: Path) -> None:
    """Have the next query go to the database of this name."""
    from django.db import connection

    connection.close()
    is_file = connection.vendor == "sqlite"
    connection.settings_dict["NAME"] = f"{folder}/{name}.sqlite3" if is_file else name
    connection.ensure_connection()


@contextmanager
def database(name: str, folder: Path) -> Iterator[None]:
    """An empty database of this name for as long as it is used."""
    from django.db import connection

    if connection.vendor == "sqlite":
        switch_to(name, folder)
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    switch_to(name, folder)
    yield
    connection.close()


def take(act: Act, taken: Taken) -> None:
    """Do it once, by the clock."""
    from django.db import connection

    queries = 0

    def count(execute: Callable[..., object], *query: object) -> object:
        nonlocal queries
        queries += 1
        return execute(*query)

    act.prepare()
    peak = Peak(os.getpid())
    worked, started = processor_seconds(), time.perf_counter()
    with connection.execute_wrapper(count):
        content = act.do()
    taken.clock.append((time.perf_counter() - started) * 1000)
    taken.processor.append((processor_seconds() - worked) * 1000)
    taken.memory.append(peak.grown)
    taken.queries = max(taken.queries, queries)
    taken.sent = len(content) if isinstance(content, bytes) else 0


def processor_seconds() -> float:
    """What this process has worked, and, of PostgreSQL, the one that serves it (Linux alone tells)."""
    from django.db import connection

    ours = time.process_time()
    if connection.vendor == "sqlite":
        return ours
    serving = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return ours + int(serving.read_text().split()[0]) / 1e9


def figures_of(taken: dict[int, dict[str, Taken]]) -> list[Figure]:
    """Of the acts that matter most at the largest number, with the ratio to the smallest; and of all acts how
    many grow.
    """
    few, many = taken[min(taken)], taken[max(taken)]
    ratios = {title: median(most.processor) / median(few[title].processor) for title, most in many.items()}
    figures = []
    for title in TOLD:
        most, n = many[title], len(many[title].clock)
        what = f"{title}, {max(taken):,} cases"
        figures += [
            Figure(f"{what}: queries", most.queries, ""),
            Figure(f"{what}: processor", median(most.processor), "ms", n),
            Figure(f"{what}: clock", median(most.clock), "ms", n),
            Figure(f"{what}: memory more, at the most", max(most.memory), "MiB", n),
            Figure(
                f"{title}: processor, {max(taken):,} over {min(taken):,}", ratios[title], "times", n, MOST
            ),
        ]
        if most.sent:
            figures.append(Figure(f"{what}: sent", most.sent / 1000, "kB"))
    growing = sum(ratio > MOST for ratio in ratios.values())
    words = f"acts of {len(ratios)} that take over {MOST:.0f} times as long"
    return [*figures, Figure(words, growing, "", at_most=0)]


def told(taken: dict[int, dict[str, Taken]], name: str, rounds: int) -> int:
    """Print the table; 1 where something grows."""
    sizes = list(taken)
    heads = "".join(f"{size:>9,}" for size in sizes) + f"{'ratio':>7}"
    machine = f"{os.cpu_count()} cores ({platform.machine()}), load {os.getloadavg()[0]:.0f}"
    print(f"\n{name}, {machine}, {datetime.now(UTC):%Y-%m-%d}; medians of n = {rounds}, in milliseconds")
    print(
        f"{'':30}{'queries':>8}{'clock':>{len(heads)}}{'processor':>{len(heads) + 2}}  MiB more at the most"
    )
    print(f"{'cases':30}{'':>8}{heads}  {heads}  {''.join(f'{size:>7,}' for size in sizes)}")
    growing = 0
    for title in taken[sizes[0]]:
        rows = [taken[size][title] for size in sizes]
        clock, processor = [median(row.clock) for row in rows], [median(row.processor) for row in rows]
        grows = processor[-1] > MOST * processor[0]
        growing += grows
        columns = "  ".join(
            "".join(f"{spent:>9.1f}" for spent in found) + f"{found[-1] / found[0]:>7.2f}"
            for found in (clock, processor)
        )
        memory = "".join(f"{max(row.memory):>7.1f}" for row in rows)
        print(f"{title:30}{max(row.queries for row in rows):>8}{columns}  {memory}{' *' if grows else ''}")
    print(
        f"{growing} of {len(taken[sizes[0]])} acts take over {MOST:.0f} times as long at the largest number"
    )
    return 1 if growing else 0


if __name__ == "__main__":
    sys.exit(main())
