"""A blinded study whose cases are all reviewed, in bulk: what figures and snapshots are measured over.

Five readers, right in nine of ten before the reveal and a little oftener after it; the network likewise.
Every case is read by one of them, one in ten by all. Drawn with a fixed seed.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from unittest import mock

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from cases import storage
from cases.lifecycle import CaseState, GateVerdict, JobStatus, Reading
from cases.models import (
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
from docs.benchmarks.many_cases import CHUNK, Clock, write
from inference.heatmaps import pack
from portal.accounts.models import User
from tests.cast import CLASSES, MANIFEST, make_maps

READERS, SEED, READ_BY_ALL = 5, 1, 10
RIGHT = 0.9


def fill(number: int) -> Cohort:
    """Make a study of so many reviewed cases in the database that is in use, which is empty."""
    call_command("migrate", verbosity=0)
    study = _Study()
    clock = Clock(number)
    with transaction.atomic(), mock.patch.object(timezone, "now", clock.now):
        for first in range(0, number, CHUNK):
            study.add(range(first, min(first + CHUNK, number)), clock)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
    return study.cohort


class _Study:
    """Who is in it, and how its cases are drawn."""

    def __init__(self) -> None:
        self.drawn = random.Random(SEED)  # noqa: S311 - no secret
        self.cohort = Cohort.objects.create(name="Study", reading=Reading.BLINDED)
        self.protocol = Protocol.objects.create(
            cohort=self.cohort, version=1, reading=Reading.BLINDED, reading_order=self.cohort.reading_order
        )
        self.readers = [
            User.objects.create_user(f"reader{place}@example.org", None) for place in range(READERS)
        ]
        head = User.objects.create_user("head@example.org", None)
        held = [(head, "administrator"), *((reader, "radiologist") for reader in self.readers)]
        Membership.objects.bulk_create(
            Membership(user=user, cohort=self.cohort, role=role) for user, role in held
        )
        self.version = ModelVersion.objects.create(
            name=MANIFEST["id"], weights_sha256=MANIFEST["weights_sha256"], manifest=MANIFEST, is_active=True
        )
        self.maps_file = storage.store("maps", pack(make_maps()), ".npz")

    def add(self, places: range, clock: Clock) -> None:
        """Write the cases of these places, from the image to the reviews."""
        cases, created = [], []
        for place in places:
            clock.go_on()
            created.append(clock.now())
            cases.append(self._case(place, created[-1]))
        write(cases)
        images = [self._image(case) for case in cases]
        write(images)
        write(
            Job(
                image=image,
                model_version=self.version,
                status=JobStatus.SUCCEEDED,
                queued_at=at,
                finished_at=at + timedelta(seconds=2),
            )
            for image, at in zip(images, created, strict=True)
        )
        results = [self._result(image, case) for image, case in zip(images, cases, strict=True)]
        write(results)
        read = [
            (case, result, reader)
            for place, case, result in zip(places, cases, results, strict=True)
            for reader in (self.readers if place % READ_BY_ALL == 0 else [self.readers[place % READERS]])
        ]
        first = [
            FirstRead(
                case=case,
                reader=reader,
                protocol=self.protocol,
                read_class=self._said(case.ground_truth, RIGHT),
                confidence=self.drawn.randint(1, 5),
                active_seconds=self.drawn.uniform(5, 90),
            )
            for case, _result, reader in read
        ]
        write(first)
        write(self._review(result, own) for (_case, result, _reader), own in zip(read, first, strict=True))

    def _said(self, truth: str, right: float) -> str:
        return truth if self.drawn.random() < right else self.drawn.choice(CLASSES)

    def _case(self, place: int, at: datetime) -> Case:
        case = Case(
            cohort=self.cohort,
            created_by=self.readers[0],
            state=CaseState.REVIEWED,
            protocol=self.protocol,
            ground_truth=CLASSES[place % len(CLASSES)],
            patient=f"{place // 2:08d}",
            key_gate=GateVerdict.ACCEPTED,
            key_probability=self.drawn.uniform(0.5, 1),
        )
        case.key_class = self._said(case.ground_truth, RIGHT)
        case.created_at = at
        return case

    def _image(self, case: Case) -> Image:
        return Image(
            case=case,
            cohort_id=case.cohort_id,
            source_sha256=case.pk.hex * 2,
            source_format="png",
            source_bytes=1,
            file=f"images/{case.pk.hex * 2}.png",
            width=512,
            height=512,
            bit_depth=8,
            colour="grey",
        )

    def _result(self, image: Image, case: Case) -> Prediction:
        rest = (1 - (case.key_probability or 0)) / (len(CLASSES) - 1)
        return Prediction(
            image=image,
            model_version=self.version,
            predicted_class=case.key_class,
            confidence=case.key_probability or 0,
            probabilities=dict.fromkeys(CLASSES, rest) | {case.key_class: case.key_probability},
            maps_file=self.maps_file,
            gate_verdict=case.key_gate,
            gate_distance=1.0,
            seconds=0.1,
        )

    def _review(self, result: Prediction, own: FirstRead) -> Review:
        final = own.read_class
        if final != result.predicted_class and self.drawn.random() < RIGHT / 2:
            final = result.predicted_class
        return Review(
            case=own.case,
            prediction=result,
            reader=own.reader,
            protocol=self.protocol,
            verdict="agree" if final == result.predicted_class else "disagree",
            final_class=final,
            confidence=own.confidence,
            active_seconds=10.0,
            seen_network_at=timezone.now(),
        )
