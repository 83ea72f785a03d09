"""What the worklist and the way to the next case cost as cases grow in number.

    python docs/benchmarks/worklist.py [CASES ...]

Makes 100, 1,000 and 100,000 analysed cases, or as many as are given, each number in a database of its own:
SQLite in a temporary folder, or on the PostgreSQL that DATABASE_URL names. Of the radiologist's four cohorts
two are read oldest first, one by priority, one in random order; a third of the cases waits, the others are
reviewed. Prints, for each page, the queries and the median of the milliseconds at each number, and the ratio
of the largest to the smallest. The numbers are measured in turns, so that whatever else the machine does
meets all of them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
FOLDER = tempfile.TemporaryDirectory(prefix="secondread-bench-", ignore_cleanup_errors=True)
os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings.test"
os.environ["SECONDREAD_VAR"] = FOLDER.name
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER.name}/bench.sqlite3")
os.environ["CELERY_BROKER_URL"] = "memory://"

import django

django.setup()

from django.core.management import call_command
from django.db import connection
from django.test import Client

from cases.lifecycle import CaseState, GateVerdict, JobStatus, Priority, ReadingOrder
from cases.models import Case, Cohort, Image, Job, Membership, ModelVersion, Prediction, Protocol, Review
from cases.worklist import reading_queue
from portal.accounts.models import User

SIZES, ROUNDS, CHUNK = (100, 1_000, 100_000), 5, 5_000
CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
ORDERS = (ReadingOrder.OLDEST, ReadingOrder.OLDEST, ReadingOrder.PRIORITY, ReadingOrder.RANDOM)
PAGES = {
    "worklist": "/cases/",
    "… open ones": "/cases/?state=open",
    "… one cohort": "/cases/?cohort={cohort}",
    "… behind the middle": "/cases/?after={middle}",
    "… before the oldest": "/cases/?before={oldest}",
    "… most urgent first": "/cases/?sort=-priority",
    "… by code": "/cases/?sort=code",
    "… by state": "/cases/?sort=state",
    "… least certain first": "/cases/?sort=certainty",
    "… of one class": "/cases/?found=meningioma",
    "… below 60 %": "/cases/?uncertain=60",
    "… refused by the gate": "/cases/?gate=refused",
    "… waiting for me": "/cases/?awaits=me",
    "… failed analyses": "/cases/?analysis=failed",
    "… text that nothing has": "/cases/?text=UUUU-UUUU",
    "live states of its rows": "/cases/live/?c={middle}&c={oldest}",
}


@dataclass
class Taken:
    """What one act took at one number of cases."""

    queries: int = 0
    milliseconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Site:
    """One database, its radiologist, and what the addresses name in it."""

    name: str
    reader: User
    named: dict[str, str]
    after: Case

    def use(self) -> None:
        """Point this process at the database."""
        switch_to(self.name)


def switch_to(name: str) -> None:
    """Have the next query go to the database of this name."""
    connection.close()
    connection.settings_dict["NAME"] = name


@contextmanager
def database(name: str) -> Iterator[None]:
    """An empty database of this name, with the portal's tables, for as long as it is used."""
    if connection.vendor == "sqlite":
        switch_to(f"{FOLDER.name}/{name}.sqlite3")
        call_command("migrate", verbosity=0)
        yield
        return
    first = str(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    switch_to(name)
    call_command("migrate", verbosity=0)
    yield
    switch_to(first)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {name}")


def filled(name: str, number: int) -> Site:
    """Make so many cases in the database that is in use."""
    reader, other = (User.objects.create_user(f"{who}@example.org", None) for who in ("reader", "other"))
    cohorts = [
        Cohort.objects.create(name=f"Cohort {place}", reading_order=order)
        for place, order in enumerate(ORDERS)
    ]
    Membership.objects.bulk_create(
        Membership(user=reader, cohort=cohort, role="radiologist") for cohort in cohorts
    )
    version = ModelVersion.objects.create(
        name="bench-1",
        weights_sha256="0" * 64,
        manifest={"classes": [{"code": code, "label": code} for code in CLASSES]},
        is_active=True,
    )
    protocols = {
        cohort.pk: Protocol.objects.create(cohort=cohort, version=1, reading_order=cohort.reading_order)
        for cohort in cohorts
    }
    for first in range(0, number, CHUNK):
        cases = [
            _case(place, cohorts[place % len(cohorts)], other, protocols)
            for place in range(first, min(first + CHUNK, number))
        ]
        Case.objects.bulk_create(cases)
        _analyse(cases, version)
        _read(cases, other)
    if connection.vendor == "postgresql":  # which does so by itself by and by; SQLite never does
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    newest_first = list(Case.objects.values_list("code", flat=True))
    named = {
        "cohort": str(cohorts[0].pk),
        "middle": newest_first[number // 2],
        "oldest": newest_first[-1],
    }
    oldest_first = Case.objects.filter(state=CaseState.OPEN).order_by("created_at", "id")
    return Site(str(connection.settings_dict["NAME"]), reader, named, oldest_first[number // 6])


def _case(place: int, cohort: Cohort, by: User, protocols: dict[object, Protocol]) -> Case:
    is_read = bool(place % 3)
    gate = (GateVerdict.REFUSED, GateVerdict.UNCERTAIN, GateVerdict.ACCEPTED)[min(place % 50, 2)]
    certainty = 0.35 + (place * 7919 % 6400) / 10_000
    return Case(
        cohort=cohort,
        created_by=by,
        state=CaseState.REVIEWED if is_read else CaseState.OPEN,
        protocol=protocols[cohort.pk] if is_read else None,
        priority=Priority.URGENT if place % 20 == 0 else Priority.ROUTINE,
        key_class=CLASSES[place // 4 % len(CLASSES)],
        key_gate=gate,
        key_probability=None if gate == GateVerdict.REFUSED else certainty,
    )


def _analyse(cases: list[Case], version: ModelVersion) -> None:
    images = Image.objects.bulk_create(
        Image(
            case=case,
            cohort_id=case.cohort_id,
            source_sha256=case.pk.hex * 2,
            source_format="png",
            source_bytes=1,
            file=f"images/{case.pk.hex}.png",
            width=512,
            height=512,
            bit_depth=8,
            colour="grey",
        )
        for case in cases
    )
    Job.objects.bulk_create(
        Job(image=image, model_version=version, status=JobStatus.SUCCEEDED) for image in images
    )
    Prediction.objects.bulk_create(
        Prediction(
            image=image,
            model_version=version,
            predicted_class=case.key_class,
            confidence=case.key_probability or 0.5,
            probabilities={},
            maps_file="maps/none.npz",
            gate_verdict=case.key_gate,
            gate_distance=1.0,
            seconds=0.1,
        )
        for case, image in zip(cases, images, strict=True)
    )


def _read(cases: list[Case], reader: User) -> None:
    read = {case.pk: case for case in cases if case.state == CaseState.REVIEWED}
    Review.objects.bulk_create(
        Review(
            case=read[result.image.case_id],
            prediction=result,
            reader=reader,
            protocol=read[result.image.case_id].protocol,
            verdict="agree",
            final_class=result.predicted_class,
            confidence=4,
        )
        for result in Prediction.objects.filter(image__case__in=read).select_related("image")
    )


def acts(site: Site) -> dict[str, Callable[[], object]]:
    """Everything that is measured, by its title."""
    client = Client()
    client.force_login(site.reader)
    reader = User.objects.get(pk=site.reader.pk)

    def opened(address: str) -> Callable[[], object]:
        def open_it() -> object:
            answer = client.get(address)
            if answer.status_code != HTTPStatus.OK:
                raise SystemExit(f"{address} answers {answer.status_code}")
            return answer

        return open_it

    pages = {title: opened(address.format(**site.named)) for title, address in PAGES.items()}
    return {
        **pages,
        "next case": lambda: reading_queue.next_case(reader),
        "next case behind another": lambda: reading_queue.next_case(reader, site.after),
    }


def measured(site: Site, taken: dict[str, Taken]) -> None:
    """One round of everything in one database; each act once to warm it up, and once by the clock."""
    site.use()
    asked: list[str] = []

    def note(execute: Callable[..., object], sql: str, *others: object) -> object:
        asked.append(sql)
        return execute(sql, *others)

    for title, act in acts(site).items():
        act()
        asked.clear()
        started = time.perf_counter()
        with connection.execute_wrapper(note):
            act()
        taken[title].milliseconds.append((time.perf_counter() - started) * 1000)
        taken[title].queries = max(taken[title].queries, len(asked))


def main() -> None:
    """Measure and print."""
    sizes = tuple(int(given) for given in sys.argv[1:]) or SIZES
    with ExitStack() as databases:
        sites = {}
        for size in sizes:
            databases.enter_context(database(f"bench_{size}"))
            sites[size] = filled(f"bench_{size}", size)
            print(f"{size:,} cases are there", flush=True)
        titles = [*PAGES, "next case", "next case behind another"]
        taken = {size: {title: Taken() for title in titles} for size in sizes}
        for _ in range(ROUNDS):
            for size, site in sites.items():
                measured(site, taken[size])
    print(
        f"\n{connection.vendor}, {os.cpu_count()} cores; median milliseconds of {ROUNDS} by number of cases"
    )
    print(f"{'':28}{'queries':>8}" + "".join(f"{size:>10,}" for size in sizes) + f"{'ratio':>8}")
    for title in titles:
        medians = [median(taken[size][title].milliseconds) for size in sizes]
        queries = max(taken[size][title].queries for size in sizes)
        times = "".join(f"{spent:>10.1f}" for spent in medians)
        print(f"{title:28}{queries:>8}{times}{medians[-1] / medians[0]:>8.2f}")


if __name__ == "__main__":
    main()
