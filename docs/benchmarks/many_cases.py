"""A study of many cases, written in bulk: what the benchmark of the worklist measures over.

Five cohorts: two are read oldest first, one by priority, one in random order, and one blinded. A third of the
cases waits for readers, the others are reviewed. One in five hundred has failed. One in a hundred has the
pixels of a case of the blinded cohort. All were received within one year, whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from unittest import mock

from django.core.management import call_command
from django.db import connection, transaction
from django.db.models import AutoField, Model
from django.utils import timezone
from psycopg2.extras import execute_values

from cases import storage
from cases.lifecycle import CaseState, GateVerdict, JobStatus, Priority, Reading, ReadingOrder
from cases.models import (
    Assignment,
    Case,
    Cohort,
    FirstRead,
    Image,
    Job,
    Membership,
    ModelVersion,
    Prediction,
    Protocol,
    Review,
)
from inference.heatmaps import pack
from portal.accounts.models import User
from tests.cast import CLASSES, MANIFEST, make_maps, make_png_bytes

CHUNK = 5_000
ORDERS = (
    ReadingOrder.OLDEST,
    ReadingOrder.OLDEST,
    ReadingOrder.PRIORITY,
    ReadingOrder.RANDOM,
    ReadingOrder.OLDEST,
)
BLINDED = len(ORDERS) - 1
YEAR = timedelta(days=365)


@dataclass(frozen=True)
class Study:
    """Who is in it. `reader` reads in each cohort, `head` administers all of them, `other` has read."""

    reader: User
    head: User
    other: User
    cohorts: tuple[Cohort, ...]
    protocols: tuple[Protocol, ...]
    version: ModelVersion
    maps_file: str
    picture: str


class Clock:
    """Goes on by the same step for each case."""

    def __init__(self, steps: int) -> None:
        self.at = datetime.now(UTC) - YEAR
        self.step = YEAR / (steps + 1)

    def now(self) -> datetime:
        """What the rows are dated by; no two alike."""
        self.at += timedelta(microseconds=1)
        return self.at

    def go_on(self) -> None:
        """On to the next case."""
        self.at += self.step


def fill(number: int) -> Study:
    """Make so many cases in the database that is in use, which is empty."""
    study = _study()
    clock = Clock(number)
    with transaction.atomic(), mock.patch.object(timezone, "now", clock.now):
        for first in range(0, number, CHUNK):
            _add(study, range(first, min(first + CHUNK, number)), clock)
    if connection.vendor == "postgresql":  # which does so by itself by and by; SQLite never does
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return study


def write(rows: Iterable[Model]) -> None:
    """Insert the rows as `bulk_create` does, in a third of its time, most of which puts SQL together."""
    if not (listed := list(rows)):
        return
    table = type(listed[0])._meta
    fields = [field for field in table.concrete_fields if not isinstance(field, AutoField)]
    values = [
        [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
        for row in listed
    ]
    into = f"INSERT INTO {table.db_table} ({', '.join(str(field.column) for field in fields)}) VALUES"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            execute_values(cursor.cursor, f"{into} %s", values, page_size=1000)
        else:
            cursor.executemany(f"{into} ({', '.join(['%s'] * len(fields))})", values)


def _study() -> Study:
    call_command("migrate", verbosity=0)
    reader, head, other = (
        User.objects.create_user(f"{who}@example.org", None) for who in ("reader", "head", "other")
    )
    cohorts = tuple(
        Cohort.objects.create(
            name=f"Cohort {place}",
            reading_order=order,
            reading=Reading.BLINDED if place == BLINDED else Reading.AI_FIRST,
        )
        for place, order in enumerate(ORDERS)
    )
    held = ((reader, "radiologist"), (head, "administrator"), (other, "radiologist"))
    Membership.objects.bulk_create(
        Membership(user=user, cohort=cohort, role=role) for cohort in cohorts for user, role in held
    )
    version = ModelVersion.objects.create(
        name=MANIFEST["id"], weights_sha256=MANIFEST["weights_sha256"], manifest=MANIFEST, is_active=True
    )
    protocols = tuple(
        Protocol.objects.create(
            cohort=cohort, version=1, reading=cohort.reading, reading_order=cohort.reading_order
        )
        for cohort in cohorts
    )
    maps_file = storage.store("maps", pack(make_maps()), ".npz")
    picture = storage.store("images", make_png_bytes(512, 512), ".png")
    return Study(reader, head, other, cohorts, protocols, version, maps_file, picture)


def _add(study: Study, places: Sequence[int], clock: Clock) -> None:
    made = []
    for place in places:
        clock.go_on()
        made.append(_case(place, study))
        made[-1].created_at = clock.now()
    write(made)
    analysed = _analyse(study, places, made)
    _read(study, places, made, analysed)
    given = [case for place, case in zip(places, made, strict=True) if place % 33 == 0]
    write(Assignment(case=case, reader=study.reader, assigned_by=study.head) for case in given)


def _case(place: int, study: Study) -> Case:
    at = place % len(ORDERS)
    is_read = bool(place % 3)
    gate = (GateVerdict.REFUSED, GateVerdict.UNCERTAIN, GateVerdict.ACCEPTED)[min(place % 50, 2)]
    has_failed = _has_failed(place)
    return Case(
        cohort=study.cohorts[at],
        created_by=study.other,
        state=CaseState.REVIEWED if is_read and not has_failed else CaseState.OPEN,
        protocol=study.protocols[at] if is_read and not has_failed else None,
        priority=Priority.URGENT if place % 20 == 0 else Priority.ROUTINE,
        key_class="" if has_failed else CLASSES[place // 5 % len(CLASSES)],
        key_gate="" if has_failed else gate,
        key_probability=None
        if has_failed or gate == GateVerdict.REFUSED
        else 0.35 + (place * 7919 % 6400) / 10_000,
    )


def _has_failed(place: int) -> bool:
    return place % 500 == 7  # noqa: PLR2004 - one, even of a hundred


def _analyse(study: Study, places: Sequence[int], cases: Sequence[Case]) -> dict[int, Prediction]:
    """Add image, job and result of each case; the results by the place of the case."""
    images = [
        Image(
            case=case,
            cohort_id=case.cohort_id,
            source_sha256=case.pk.hex * 2,
            source_format="png",
            source_bytes=1,
            file=_file(place, study),
            width=512,
            height=512,
            bit_depth=8,
            colour="grey",
        )
        for place, case in zip(places, cases, strict=True)
    ]
    write(images)
    write(
        Job(
            image=image,
            model_version=study.version,
            status=JobStatus.FAILED if _has_failed(place) else JobStatus.SUCCEEDED,
            queued_at=case.created_at,
            finished_at=case.created_at + timedelta(seconds=2),
        )
        for place, case, image in zip(places, cases, images, strict=True)
    )
    results = [
        Prediction(
            image=image,
            model_version=study.version,
            predicted_class=case.key_class,
            confidence=case.key_probability or 0.5,
            probabilities=dict.fromkeys(CLASSES, 0.1) | {case.key_class: case.key_probability or 0.5},
            maps_file=study.maps_file,
            gate_verdict=case.key_gate,
            gate_distance=1.0,
            seconds=0.1,
        )
        for place, case, image in zip(places, cases, images, strict=True)
        if not _has_failed(place)
    ]
    write(results)
    return dict(zip((place for place in places if not _has_failed(place)), results, strict=True))


def _file(place: int, study: Study) -> str:
    """The first case has a picture that is there. Of the blinded cohort every twentieth has the pixels of the
    case before it, which lies in another one.
    """
    if place == 0:
        return study.picture
    is_twin = place % (20 * len(ORDERS)) == BLINDED
    return f"images/{place - 1 if is_twin else place:064x}.png"


def _read(study: Study, places: Sequence[int], cases: Sequence[Case], results: dict[int, Prediction]) -> None:
    """Add what was said of the cases that are reviewed; one in fifty reviews was amended."""
    read = {place: case for place, case in zip(places, cases, strict=True) if case.protocol_id}
    write(
        FirstRead(
            case=case, reader=study.other, protocol=case.protocol, read_class=case.key_class, confidence=4
        )
        for place, case in read.items()
        if place % len(ORDERS) == BLINDED
    )
    said = {
        place: Review(
            case=case,
            prediction=results[place],
            reader=study.other,
            protocol=case.protocol,
            verdict="agree",
            final_class=case.key_class,
            confidence=4,
        )
        for place, case in read.items()
    }
    write(said.values())
    write(
        Review(
            **{name: getattr(earlier, name) for name in ("case", "prediction", "reader", "protocol")},
            verdict="agree",
            final_class=earlier.final_class,
            confidence=5,
            amends=earlier,
            reason="Looked again.",
        )
        for place, earlier in said.items()
        if place % 50 == 1
    )
