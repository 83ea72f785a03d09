"""What a deletion does to rows, files and figures, and to whoever is at work on them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.base import ContentFile
from django.db import transaction

from cases import removals, storage
from cases.access import CaseDeleted
from cases.analysis import jobs
from cases.analysis.shadow import run_in_shadow
from cases.cohorts import cohorts_of
from cases.deletion.acts import NothingToDelete, Why, delete, finish_deletions
from cases.deletion.targets import Target, extent_of
from cases.evidence.study import StudyFilter, study_of
from cases.export.snapshots.rows import rows_of
from cases.export.training_set import TrainingSetError, export_training_set
from cases.intake.incoming.receiving import begin, sweep
from cases.intake.incoming.said import Said
from cases.intake.uploads import submit_file
from cases.lifecycle import CaseState, DeletionKind, DeletionReason
from cases.models import (
    AuditEvent,
    Case,
    Draft,
    FileRemoval,
    Image,
    IncomingUpload,
    Job,
    Membership,
    ModelVersion,
    Prediction,
    Review,
    ShadowResult,
)
from cases.permissions import Action, require_reader, visible_to
from cases.reading.protocols import lock_case
from cases.reading.read_input import ReadInput
from cases.reading.reviews import submit_review
from cases.record.sealing import seal_new
from cases.record.verifying import verify
from cases.worklist import moving
from cases.worklist.bulk import carry_out
from tests.cases.deletion.conftest import stored_names
from tests.cast import CLASSES, MANIFEST, make_png_bytes

pytestmark = pytest.mark.both_databases


def lay_for(path: Path, days: int) -> None:
    at = time.time() - days * 86_400
    os.utime(path, (at, at))


def result() -> jobs.Result:
    return jobs.Result("glioma", dict.fromkeys(CLASSES, 0.25), b"maps of the picture", 0.1)


def test_figures_and_record_stay_as_they_were(reviewed_case, administrator, delete_case, cohort) -> None:
    seal_new()
    reviewed_case.ground_truth = "meningioma"
    reviewed_case.save()
    before = study_of(cohort, StudyFilter())
    assert (len(before.reads), len(before.results)) == (1, 1)
    delete_case(reviewed_case)
    after = study_of(cohort, StudyFilter())
    assert (list(after.reads), list(after.results)) == (list(before.reads), list(before.results))
    assert after.left_out == before.left_out
    reviewed_case.refresh_from_db()
    assert (reviewed_case.state, Review.objects.count()) == (CaseState.REVIEWED, 1)
    assert list(verify()) == []
    event = AuditEvent.objects.get(action="case.deleted")
    assert (event.subject, event.actor, event.details["reason"]) == (
        str(reviewed_case.pk),
        administrator,
        "name_shown",
    )


def test_snapshot_rows_say_when_and_give_no_digest(reviewed_case, delete_case, cohort) -> None:
    (before,) = rows_of("results", cohort)
    assert (next(rows_of("cases", cohort))["deleted_at"], len(before["image_sha256"])) == (None, 64)
    deletion = delete_case(reviewed_case)
    (case,), (found,) = rows_of("cases", cohort), rows_of("results", cohort)
    assert case["deleted_at"] == deletion.at.isoformat()
    assert found == before | {"image_sha256": None}


def test_unread_case_waits_for_nobody_any_more(ready_case, colleague, administrator, delete_case) -> None:
    assert visible_to(colleague).count() == 1
    delete_case(ready_case)
    ready_case.refresh_from_db()
    assert (ready_case.state, ready_case.key_class) == (CaseState.CLOSED, "")
    assert visible_to(colleague).count() == visible_to(administrator).count() == 0


def test_picture_of_several_goes_alone_and_the_case_is_read_on(
    submit_many, analyse_as, review_as, colleague, delete_case
) -> None:
    case = submit_many(3)
    for position, probability in enumerate((0.9, 0.5, 0.4)):
        analyse_as(case, probability=probability, position=position)
    file = case.images.get(position=0).file
    delete_case(case, position=0)
    case.refresh_from_db()
    assert (case.deleted_at, case.state, case.key_probability) == (None, CaseState.OPEN, 0.5)
    assert not storage.is_there(file)
    assert [image.position for image in case.images.filter(deleted_at=None)] == [1, 2]
    assert review_as(colleague, case).prediction.image.position == 1
    assert AuditEvent.objects.get(action="picture.deleted").details["picture"] == 1


def test_last_picture_of_a_case_takes_the_case_with_it(submit_many, analyse_as, delete_case) -> None:
    case = submit_many(2)
    delete_case(case, position=0)
    assert delete_case(case, position=1).kind == DeletionKind.CASE
    case.refresh_from_db()
    assert case.deleted_at is not None
    with pytest.raises(NothingToDelete):
        delete(Target(DeletionKind.CASE, case.cohort, case), Why(DeletionReason.OTHER))


def test_file_that_another_cohort_has_too_stays_for_it(
    submit, stranger, other_cohort, analyse_as, delete_case
) -> None:
    case = submit()
    other = submit_file(by=stranger, cohort=other_cohort, file=ContentFile(make_png_bytes())).case
    for each in (case, other):
        analyse_as(each)
    twin = Image.objects.get(case=other)
    assert twin.file == Image.objects.get(case=case).file
    files = stored_names()
    delete_case(case)
    assert (stored_names(), FileRemoval.objects.count()) == (files, 0)
    assert Image.objects.get(case=other).picture == Image.objects.get(case=case).picture != twin.picture
    delete_case(other)
    assert stored_names() == set()


def test_what_a_candidate_said_in_shadow_leaves_no_file_either(
    ready_case, administrator, cohort, analyse_as, delete_case
) -> None:
    candidate = ModelVersion.objects.create(
        name="candidate", weights_sha256="3" * 64, manifest=MANIFEST | {"id": "candidate"}, is_candidate=True
    )
    run_in_shadow(by=administrator, cohort=cohort, version=candidate)
    lease = jobs.lease(Job.objects.get(model_version=candidate).pk)
    assert jobs.complete(lease, result())
    assert ShadowResult.objects.get().maps_file in stored_names()
    assert extent_of(Target(DeletionKind.CASE, cohort, ready_case)).maps == 2
    delete_case(ready_case)
    assert stored_names() == set()
    assert Image.objects.get().brightness is None
    assert run_in_shadow(by=administrator, cohort=cohort, version=candidate) == 0


def test_result_that_comes_after_the_deletion_brings_no_file_back(submitted_case, delete_case) -> None:
    lease = jobs.lease(Job.objects.get().pk)
    delete_case(submitted_case)
    assert jobs.complete(lease, result()) is False
    assert jobs.fail(lease, jobs.Failure("broken", "Broken.", retryable=True)) is False
    assert (stored_names(), Job.objects.count(), Prediction.objects.count()) == (set(), 0, 0)
    assert jobs.lease(lease.job_id) is None


def test_review_that_comes_after_the_deletion_is_refused_in_words(ready_case, colleague, delete_case) -> None:
    case = Case.objects.select_related("cohort", "protocol").get(pk=ready_case.pk)
    reader = require_reader(colleague, case)
    prediction = Prediction.objects.get()
    delete_case(ready_case)
    with pytest.raises(ValidationError, match="open the case again"):
        submit_review(reader=reader, prediction=prediction, read=ReadInput("", 4, "", verdict="agree"))
    # And where all of that was checked before the deletion.
    with pytest.raises(CaseDeleted, match=f"Case {case.code} was deleted on 20"), transaction.atomic():
        lock_case(case)
    assert Review.objects.count() == 0


def test_traces_written_at_that_moment_go_with_the_next_sweep(ready_case, colleague, delete_case) -> None:
    delete_case(ready_case)
    Draft.objects.create(case=ready_case, reader=colleague, fields={"comment": "late"})
    Job.objects.create(image=ready_case.images.get(), model_version=Prediction.objects.get().model_version)
    finish_deletions()
    assert (Draft.objects.count(), Job.objects.count()) == (0, 0)


def test_files_of_a_deletion_that_was_cut_off_go_with_the_sweep(
    ready_case, administrator, own_storage, monkeypatch
) -> None:
    """A process that is killed after the commit has done nothing of what follows it."""
    delete(
        Target(DeletionKind.CASE, ready_case.cohort, ready_case), Why(DeletionReason.OTHER, by=administrator)
    )
    assert (len(stored_names()), FileRemoval.objects.count()) == (2, 2)
    monkeypatch.setattr(storage, "erase", lambda name: (_ for _ in ()).throw(PermissionError(name)))
    assert removals.remove_waiting(10) == 0
    assert FileRemoval.objects.count() == 2
    monkeypatch.undo()
    part = own_storage / f"{FileRemoval.objects.get(name__startswith='images/').name}.0123.part"
    part.write_bytes(b"half of it")
    assert removals.remove_waiting(10) == 2
    assert (stored_names(), FileRemoval.objects.count()) == (set(), 0)


def test_cohort_goes_with_all_of_its_cases_and_takes_no_more(
    submit, reviewed_case, owner, cohort, administrator, django_capture_on_commit_callbacks
) -> None:
    submit(seed=5)
    on_its_way = begin(by=owner, cohort=cohort, length=10, words=Said("scan.zip"))
    with django_capture_on_commit_callbacks(execute=True):
        deletion = delete(Target(DeletionKind.COHORT, cohort), Why(DeletionReason.CONSENT, by=administrator))
    assert (deletion.counts["cases"], deletion.counts["pictures"], stored_names()) == (2, 2, set())
    assert (sweep(), IncomingUpload.objects.filter(pk=on_its_way.pk).exists()) == (1, False)
    cohort.refresh_from_db()
    assert cohort.deleted_at == deletion.at
    with pytest.raises(Exception, match="does not allow this"):
        submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes(seed=6)))
    assert Case.objects.filter(deleted_at=None).count() == 0
    (held,) = cohorts_of(owner)  # what pages and REST say that one may do
    assert held.actions == (Action.VIEW,)


def test_case_that_came_into_a_cohort_while_it_went_goes_with_the_sweep(
    submit, cohort, administrator, django_capture_on_commit_callbacks
) -> None:
    delete(Target(DeletionKind.COHORT, cohort), Why(DeletionReason.CONSENT, by=administrator))
    case = submit(seed=5)  # the fixture's cohort is as it was before
    with django_capture_on_commit_callbacks(execute=True):
        finish_deletions()
    case.refresh_from_db()
    assert (case.deleted_at is not None, stored_names()) == (True, set())


def test_case_on_its_way_into_a_cohort_that_goes_stays_where_it_was(
    ready_case, other_cohort, administrator, monkeypatch
) -> None:
    """Deleted between the first look and the turn."""
    Membership.objects.create(user=administrator, cohort=other_cohort, role="administrator")
    wait = moving.wait_for_turn

    def deleted_meanwhile(turn: int) -> None:
        wait(turn)
        delete(Target(DeletionKind.COHORT, other_cohort), Why(DeletionReason.CONSENT, by=administrator))

    monkeypatch.setattr(moving, "wait_for_turn", deleted_meanwhile)
    with pytest.raises(PermissionDenied):
        carry_out(by=administrator, act=moving.Move(other_cohort), codes=[ready_case.code])
    finish_deletions()
    case = Case.objects.get()
    assert (case.cohort_id, case.deleted_at) == (ready_case.cohort_id, None)


def test_maps_that_no_row_names_go_once_they_have_lain_for_a_day(ready_case, own_storage) -> None:
    named = Prediction.objects.get().maps_file
    old, new = (storage.store("maps", data, ".npz") for data in (b"of a killed worker", b"of one at work"))
    part = f"{named}.0123.part"
    (own_storage / part).write_bytes(b"half of it")
    picture = storage.store("images", b"of an upload that was killed", ".png")
    before = stored_names()
    for name in before - {new}:
        lay_for(own_storage / name, days=2)
    lay_for(own_storage / new, days=0)
    assert sum(removals.remove_forgotten_maps(hour) for hour in range(24)) == 2
    removals.remove_waiting(10)
    assert before - stored_names() == {old, part}
    assert picture in stored_names()


def test_same_file_again_is_taken_in_said_and_looked_at(
    submit, owner, cohort, stranger, other_cohort, delete_case
) -> None:
    delete_case(submit())
    data = ContentFile(make_png_bytes())
    receipt = submit_file(by=owner, cohort=cohort, file=data)
    day = Image.objects.get(case__deleted_at__isnull=False).deleted_at
    said = f"The same file was deleted from this cohort on {day:%Y-%m-%d}: A picture shows a name."
    assert (receipt.outcome, said in receipt.notices) == ("received", True)
    assert receipt.case.is_quarantined
    elsewhere = submit_file(by=stranger, cohort=other_cohort, file=data)
    assert (elsewhere.notices, elsewhere.case.is_quarantined) == ((), False)


def test_picture_erased_before_its_row_is_there_is_asked_for_again(
    owner, cohort, model_version, monkeypatch
) -> None:
    from cases.intake import copies

    def erased(images):
        for image in images:
            storage.erase(image.file)

    monkeypatch.setattr(copies, "join_copies", erased)
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(make_png_bytes()))
    assert (receipt.outcome, receipt.code, Case.objects.count()) == ("refused", "deleted_meanwhile", 0)


def test_training_set_leaves_deleted_cases_out(reviewed_case, delete_case, tmp_path, cohort) -> None:
    reviewed_case.ground_truth = "glioma"
    reviewed_case.save()
    delete_case(reviewed_case)
    with pytest.raises(TrainingSetError, match="none has an image"):
        export_training_set(cohort, tmp_path / "set", folds=5)
