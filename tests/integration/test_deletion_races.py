"""Deletion beside those who work on the same case, with real threads on a real PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import connection, connections

from cases import removals, storage
from cases.access import CaseDeleted
from cases.analysis import jobs
from cases.deletion.acts import NothingToDelete, Why, delete, finish_deletions
from cases.deletion.targets import Target
from cases.intake.uploads import submit_file
from cases.lifecycle import DeletionKind, DeletionReason, Verdict
from cases.models import Case, Deletion, FileRemoval, Image, Job, Membership, Prediction, Review
from cases.permissions import require_reader
from cases.reading.read_input import ReadInput
from cases.reading.reviews import submit_review
from cases.worklist.bulk import BulkPlan, carry_out
from cases.worklist.moving import Move
from tests.cast import CLASSES, make_png_bytes
from tests.integration.test_races import RUNNERS, race

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="races need a real PostgreSQL"),
]


def deleted(case: Case) -> Deletion:
    return delete(Target(DeletionKind.CASE, case.cohort, case), Why(DeletionReason.NAME_SHOWN))


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What these come to that start together, in their order; an exception stands for itself."""
    gate = threading.Barrier(len(acts))
    outcomes: list[Any] = [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        gate.wait(timeout=10)
        try:
            outcomes[number] = act()
        except Exception as error:  # noqa: BLE001 - the outcome is what is looked at
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes


def finished() -> None:
    """As the sweep does."""
    finish_deletions()
    removals.remove_waiting(100)
    assert FileRemoval.objects.count() == 0


def test_case_deleted_many_times_at_once_has_one_tombstone(ready_case) -> None:
    outcomes = race(lambda: deleted(ready_case))
    assert sum(isinstance(each, Deletion) for each in outcomes) == 1
    assert sum(isinstance(each, NothingToDelete) for each in outcomes) == RUNNERS - 1
    assert Deletion.objects.count() == 1


@pytest.mark.parametrize("turn", range(5))
def test_result_stored_beside_the_deletion_leaves_no_file(turn, submitted_case) -> None:
    lease = jobs.lease(Job.objects.get().pk)
    found = jobs.Result("glioma", dict.fromkeys(CLASSES, 0.25), b"maps %d" % turn, 0.1)
    picture = Image.objects.get().file
    is_stored, deletion = together(lambda: jobs.complete(lease, found), lambda: deleted(submitted_case))
    assert isinstance(deletion, Deletion)
    assert deletion.counts["results"] == Prediction.objects.count() == int(is_stored)
    finished()
    assert not storage.is_there(picture)
    assert not storage.is_there(storage.content_name("maps", found.packed_maps, ".npz"))
    assert Job.objects.count() == 0


@pytest.mark.parametrize("turn", range(5))
def test_case_moved_beside_the_deletion_is_deleted_as_one_of_the_cohort_or_stays(
    turn, ready_case, other_cohort, administrator
) -> None:
    Membership.objects.create(user=administrator, cohort=other_cohort, role="administrator")
    moved, deletion = together(
        lambda: carry_out(by=administrator, act=Move(other_cohort), codes=[ready_case.code]),
        lambda: delete(
            Target(DeletionKind.COHORT, other_cohort), Why(DeletionReason.CONSENT, by=administrator)
        ),
    )
    assert isinstance(deletion, Deletion), deletion
    assert isinstance(moved, BulkPlan | PermissionDenied), moved
    case = Case.objects.get()
    is_moved = isinstance(moved, BulkPlan)
    assert deletion.counts["cases"] == int(is_moved)
    assert (case.cohort_id == other_cohort.pk, case.deleted_at is not None) == (is_moved, is_moved)


@pytest.mark.parametrize("turn", range(5))
def test_review_saved_beside_the_deletion_is_counted_or_refused(turn, ready_case, colleague) -> None:
    case = Case.objects.select_related("cohort", "protocol").get(pk=ready_case.pk)
    reader, prediction = require_reader(colleague, case), Prediction.objects.get()
    read = ReadInput("", 4, "", verdict=Verdict.AGREE)
    review, deletion = together(
        lambda: submit_review(reader=reader, prediction=prediction, read=read), lambda: deleted(case)
    )
    assert isinstance(deletion, Deletion), deletion
    assert isinstance(review, Review | CaseDeleted | ValidationError), review
    assert deletion.counts["statements"] == Review.objects.count() == int(isinstance(review, Review))
    case.refresh_from_db()
    assert (case.deleted_at, case.state) == (
        deletion.at,
        "reviewed" if isinstance(review, Review) else "closed",
    )


def test_file_uploaded_again_while_it_is_erased_is_there_or_asked_for_again(
    ready_case, owner, cohort
) -> None:
    """The picture's row comes before or after the file is erased, never without it."""
    name = Image.objects.get().file
    picture = storage.load(name)
    deleted(ready_case)
    assert not storage.is_there(name)
    storage.store("images", picture, ".png")
    FileRemoval.objects.create(name=name)
    receipt, _done = together(
        lambda: submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes())),
        lambda: removals.remove_waiting(10),
    )
    live = Image.objects.filter(deleted_at=None)
    assert [storage.is_there(image.file) for image in live] == [True] * live.count()
    assert (receipt.outcome, live.count()) in {("received", 1), ("refused", 0)}
