"""What a job costs while many others wait, against few: what is done for one must not grow with them.

    python docs/benchmarks/backlog.py [WAITING] [--rounds N]

On PostgreSQL, a database each with 100 and with 10,000 waiting jobs, or as many as are given. In turns a job
of each is analysed with the network that ships, and a round of the sweep is done, in one process without a
broker. Told are the milliseconds of the processor, ours and the database's together, and the ratio of many
to few.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from docs.benchmarks.costs import picture
from docs.benchmarks.figures import Figure, arguments, hand_over
from docs.benchmarks.worklist import Taken, database, switch_to, take
from tests.support import postgres

if TYPE_CHECKING:
    from docs.benchmarks.worklist_acts import Act

FEW, MANY, ROUNDS = 100, 10_000, 25
# As machines that are shared differ between two runs of the same.
MOST_TIMES = 1.1
JOB, SWEEP = "a job", "a round of the sweep"


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("waiting", nargs="?", type=int, default=MANY)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="secondread-bench-"))
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "SECONDREAD_VAR": folder,
            "DATABASE_URL": held.enter_context(postgres.serving()),
            "CELERY_BROKER_URL": "memory://",
            "LOG_LEVEL": "ERROR",
            # Nothing is told of again while this runs: the sweep looks, and has nothing to do.
            "JOB_REDISPATCH_SECONDS": "86400",
        }
        import django

        django.setup()
        taken = measured((min(FEW, asked.waiting), asked.waiting), asked.rounds, Path(folder))
    hand_over(figures_of(taken, asked.rounds), asked.json)


def measured(sizes: tuple[int, int], rounds: int, folder: Path) -> list[dict[str, Taken]]:
    """What each act took, in the database of few and in that of many."""
    taken = [{JOB: Taken(), SWEEP: Taken()} for _ in sizes]
    acts: list[dict[str, Act]] = []
    with ExitStack() as databases:
        names = [f"backlog_{place}" for place, _ in enumerate(sizes)]
        for name, size in zip(names, sizes, strict=True):
            databases.enter_context(database(name, folder))
            acts.append(acts_of(fill(max(size, rounds + 1), rounds + 1)))
        for number in range(rounds + 1):
            for place, name in enumerate(names):
                switch_to(name, folder)
                for title, act in acts[place].items():
                    # The first round loads the network.
                    take(act, taken[place][title] if number else Taken())
    return taken


def fill(waiting: int, analysed: int) -> Iterator[str]:
    """So many waiting jobs; the ids of those that have a picture, which are the last in the queue."""
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from cases import storage
    from cases.analysis.model_versions import active_version
    from cases.models import Case, Cohort, Image, Job
    from docs.benchmarks.many_cases import write
    from portal.accounts.models import User

    call_command("migrate", verbosity=0)
    version, rng = active_version(), np.random.default_rng(1)
    cohort = Cohort.objects.create(name="Waiting")
    sender = User.objects.create_user("sender@example.org", None)
    cases = [Case(cohort=cohort, created_by=sender) for _ in range(waiting)]
    files = [f"images/{place:064x}.png" for place in range(waiting - analysed)]
    files += [storage.store("images", picture(rng), ".png") for _ in range(analysed)]
    images = [
        Image(
            case=case, cohort=cohort, source_sha256=case.pk.hex * 2, source_format="png", source_bytes=1,
            file=file, width=512, height=512, bit_depth=8, colour="grey",
        )
        for case, file in zip(cases, files, strict=True)
    ]  # fmt: skip
    jobs = [Job(image=image, model_version=version, sent_at=timezone.now()) for image in images]
    for rows in (cases, images, jobs):
        write(rows)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    return iter([str(job.pk) for job in jobs[-analysed:]])


def acts_of(waiting: Iterator[str]) -> dict[str, Act]:
    """Analyse the next one; look for what was left."""
    from cases.analysis import sweep, worker
    from cases.models import Job
    from docs.benchmarks.worklist_acts import Act

    def analyse() -> None:
        worker.analyse(key := next(waiting))
        if not Job.objects.filter(pk=key, status="succeeded").exists():
            raise RuntimeError(f"job {key} has no result")

    def look() -> None:
        if sweep.take_back_expired() or sweep.enqueue_waiting():
            raise RuntimeError("the sweep found a job that was left")

    return {JOB: Act(analyse), SWEEP: Act(look)}


def figures_of(taken: list[dict[str, Taken]], rounds: int) -> list[Figure]:
    """The costs by the number that waits, and their ratio."""
    figures = []
    for title, aim in ((JOB, MOST_TIMES), (SWEEP, None)):
        few, many = (median(found[title].processor) for found in taken)
        figures += [
            Figure(f"{title}, few waiting, processor", few, "ms", rounds),
            Figure(f"{title}, many waiting, processor", many, "ms", rounds),
            Figure(f"{title}, many over few", many / few, "times", rounds, at_most=aim),
        ]
    return figures


if __name__ == "__main__":
    main()
