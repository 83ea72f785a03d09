"""Races about cases of many images, with real threads on a real PostgreSQL."""

from __future__ import annotations

import itertools
import threading
from collections import Counter

import pytest
from django.core.files.base import ContentFile
from django.db import connection

from cases.intake.uploads import CaseIsRead, add_images, submit_series
from cases.models import Case, Claim, Image, Job
from cases.permissions import require_reader
from cases.reading.claims import claim_case
from tests.cast import make_png_bytes
from tests.integration.test_races import RUNNERS, race

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="races need a real PostgreSQL"),
]


def test_files_added_to_one_case_at_once_each_get_a_place(submitted_case, owner) -> None:
    seeds = itertools.count(1)
    lock = threading.Lock()

    def add() -> object:
        with lock:
            seed = next(seeds)
        (receipt,) = add_images(by=owner, case=submitted_case, files=[ContentFile(make_png_bytes(seed=seed))])
        return receipt.position

    assert sorted(race(add), key=str) == list(range(1, RUNNERS + 1))
    assert Image.objects.filter(case=submitted_case).count() == RUNNERS + 1
    assert Job.objects.count() == RUNNERS + 1


def test_same_file_added_many_times_at_once_is_stored_once(submitted_case, owner) -> None:
    data = make_png_bytes(seed=1)

    def add() -> object:
        (receipt,) = add_images(by=owner, case=submitted_case, files=[ContentFile(data)])
        return receipt.outcome.value, receipt.position

    assert Counter(race(add)) == {("received", 1): 1, ("duplicate", 1): RUNNERS - 1}


def test_same_set_sent_many_times_at_once_is_one_case(owner, cohort, model_version) -> None:
    pictures = [make_png_bytes(seed=seed) for seed in range(3)]

    def send() -> object:
        files = [ContentFile(data) for data in pictures]
        return tuple(receipt.outcome.value for receipt in submit_series(by=owner, cohort=cohort, files=files))

    assert Counter(race(send)) == {("received",) * 3: 1, ("duplicate",) * 3: RUNNERS - 1}
    case = Case.objects.get()
    assert list(case.images.order_by("position").values_list("position", flat=True)) == [0, 1, 2]


def test_overlapping_sets_sent_at_once_store_every_file_once(owner, cohort, model_version) -> None:
    """Each set has a file of its own and two that all of them have."""
    seeds = itertools.count(10)
    lock = threading.Lock()

    outcomes: Counter[str] = Counter()

    def send() -> None:
        with lock:
            own = next(seeds)
        files = [ContentFile(make_png_bytes(seed=seed)) for seed in (1, own, 2)]
        receipts = submit_series(by=owner, cohort=cohort, files=files)
        with lock:
            outcomes.update(receipt.outcome.value for receipt in receipts)

    assert race(send) == [None] * RUNNERS
    assert outcomes == {"received": RUNNERS + 2, "duplicate": 2 * (RUNNERS - 1)}
    assert Image.objects.count() == Job.objects.count() == RUNNERS + 2
    for case in Case.objects.all():
        positions = sorted(case.images.values_list("position", flat=True))
        assert positions == list(range(len(positions)))


def test_image_is_added_before_a_reader_opens_the_case_or_not_at_all(
    ready_case, owner, colleague, cohort
) -> None:
    turns = iter([True, False] * (RUNNERS // 2))
    seeds = itertools.count(1)
    lock = threading.Lock()

    def act() -> object:
        with lock:
            adds, seed = next(turns), next(seeds)
        if not adds:
            return claim_case(
                reader=require_reader(colleague, Case.objects.select_related("cohort").get(pk=ready_case.pk))
            )
        return add_images(by=owner, case=ready_case, files=[ContentFile(make_png_bytes(seed=seed))])

    outcomes = race(act)
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds[Claim] == RUNNERS // 2
    assert kinds[list] + kinds[CaseIsRead] == RUNNERS // 2
    assert ready_case.images.count() == 1 + kinds[list]
    added = ready_case.images.exclude(position=0).values_list("created_at", flat=True)
    assert all(moment <= Claim.objects.get().created_at for moment in added)
