"""Taking many images in as one case: their order, what is left out, and that it is whole or not there."""

import pytest
from django.core.exceptions import PermissionDenied
from django.core.files.base import ContentFile
from django.db import DatabaseError

from cases.analysis import jobs
from cases.intake.names import natural_key
from cases.intake.receipts import Outcome
from cases.intake.uploads import CaseIsRead, add_images, submit_series
from cases.models import AuditEvent, Case, Draft, Image, Job
from cases.permissions import require_reader
from cases.reading.claims import claim_case
from tests.cases.intake.test_uploads import stored_files
from tests.cast import make_png_bytes, sha256_of

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]


def files(*seeds: int) -> list[ContentFile]:
    return [ContentFile(make_png_bytes(seed=seed)) for seed in seeds]


def digests(case: Case) -> list[str]:
    return list(case.images.order_by("position").values_list("source_sha256", flat=True))


def of(*seeds: int) -> list[str]:
    return [sha256_of(make_png_bytes(seed=seed)) for seed in seeds]


def test_files_become_one_case_in_their_order_with_a_job_each(
    owner, cohort, model_version, enqueued, django_capture_on_commit_callbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        receipts = submit_series(by=owner, cohort=cohort, files=files(5, 3, 4), ground_truth="glioma")
    case = Case.objects.get()
    assert [(r.outcome, r.case, r.position) for r in receipts] == [
        (Outcome.RECEIVED, case, place) for place in range(3)
    ]
    assert (case.ground_truth, digests(case)) == ("glioma", of(5, 3, 4))
    assert set(Job.objects.values_list("status", "model_version")) == {("queued", model_version.pk)}
    assert sorted(enqueued) == sorted(Job.objects.values_list("pk", flat=True))
    assert len(enqueued) == 3
    assert AuditEvent.objects.filter(action="case.uploaded", subject=str(case.pk)).count() == 1


def test_bad_file_and_duplicates_are_left_out_and_the_others_close_up(owner, cohort, submit) -> None:
    earlier = submit(seed=9)
    given = [*files(1), ContentFile(b"no picture"), *files(2, 1, 9, 3)]
    receipts = submit_series(by=owner, cohort=cohort, files=given)
    case = Case.objects.exclude(pk=earlier.pk).get()
    assert [(r.outcome.value, r.code, r.case, r.position) for r in receipts] == [
        ("received", "received", case, 0),
        ("refused", "not_an_image", None, None),
        ("received", "received", case, 1),
        ("duplicate", "duplicate", case, 0),
        ("duplicate", "duplicate", earlier, 0),
        ("received", "received", case, 2),
    ]
    assert digests(case) == of(1, 2, 3)


def test_set_sent_again_points_to_the_images_that_are_there(owner, cohort) -> None:
    submit_series(by=owner, cohort=cohort, files=files(1, 2))
    again = submit_series(by=owner, cohort=cohort, files=files(1, 2))
    case = Case.objects.get()
    assert [(r.outcome.value, r.case, r.position) for r in again] == [
        ("duplicate", case, 0),
        ("duplicate", case, 1),
    ]
    assert Image.objects.count() == 2


def test_set_of_which_nothing_can_be_read_makes_no_case(owner, cohort) -> None:
    before = stored_files()
    receipts = submit_series(by=owner, cohort=cohort, files=[ContentFile(b"x"), ContentFile(b"")])
    assert [r.code for r in receipts] == ["not_an_image", "empty_file"]
    assert (Case.objects.count(), stored_files()) == (0, before)


def test_database_failure_leaves_neither_case_nor_files(owner, cohort, monkeypatch) -> None:
    before = stored_files()

    def break_down(rows: object, **options: object) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(Job.objects, "bulk_create", break_down)
    with pytest.raises(DatabaseError):
        submit_series(by=owner, cohort=cohort, files=files(70, 71, 72))
    assert (Case.objects.count(), Image.objects.count(), stored_files()) == (0, 0, before)


def test_more_images_than_a_case_may_have_are_refused_and_stored_nowhere(owner, cohort, settings) -> None:
    settings.CASE_MAX_IMAGES = 2
    before = stored_files()
    receipts = submit_series(by=owner, cohort=cohort, files=[*files(61, 62, 63), ContentFile(b"x")])
    assert [r.code for r in receipts] == ["too_many_images"] * 3 + ["not_an_image"]
    assert (Case.objects.count(), AuditEvent.objects.count(), stored_files()) == (0, 0, before)


def test_further_images_stand_behind_those_that_the_case_has(owner, submit) -> None:
    case = submit(seed=1)
    receipts = add_images(by=owner, case=case, files=files(2, 1, 3))
    assert [(r.outcome.value, r.case, r.position) for r in receipts] == [
        ("received", case, 1),
        ("duplicate", case, 0),
        ("received", case, 2),
    ]
    assert digests(case) == of(1, 2, 3)
    assert AuditEvent.objects.filter(action="case.images_added").count() == 1


def test_further_images_count_with_those_that_are_there(owner, submit, settings) -> None:
    settings.CASE_MAX_IMAGES = 2
    case = submit(seed=1)
    receipts = add_images(by=owner, case=case, files=files(2, 3))
    assert {r.code for r in receipts} == {"too_many_images"}
    assert digests(case) == of(1)


def test_further_image_has_the_earlier_ones_analysed_by_the_active_version_too(
    owner, ready_case, newer_version
) -> None:
    add_images(by=owner, case=ready_case, files=files(2))
    queued = Job.objects.filter(model_version=newer_version, status="queued")
    assert sorted(queued.values_list("image__position", flat=True)) == [0, 1]


@pytest.mark.parametrize("begun", ["reviewed", "claimed", "drafted", "committed", "closed"])
def test_case_that_somebody_reads_takes_no_further_image(
    begun, request, ready_case, owner, colleague, review_as, commit_as
) -> None:
    if begun == "reviewed":
        review_as(colleague, ready_case)
    elif begun == "claimed":
        claim_case(reader=require_reader(colleague, ready_case))
    elif begun == "drafted":
        Draft.objects.create(case=ready_case, reader=colleague, fields={"comment": "a"})
    elif begun == "committed":
        request.getfixturevalue("blinded")
        commit_as(colleague, ready_case)
    else:
        Case.objects.update(state="closed")
    ready_case.refresh_from_db()
    before = stored_files()
    with pytest.raises(CaseIsRead):
        add_images(by=owner, case=ready_case, files=files(42))
    assert ready_case.images.count() == 1
    assert stored_files() == before


@pytest.mark.parametrize("who", ["stranger", "exporter"])
def test_image_added_without_the_right_is_refused_and_stores_nothing(who, submitted_case, request) -> None:
    before = stored_files()
    with pytest.raises(PermissionDenied):
        add_images(by=request.getfixturevalue(who), case=submitted_case, files=files(43))
    assert submitted_case.images.count() == 1
    assert stored_files() == before


def test_no_more_jobs_are_announced_at_once_than_beat_would(
    owner, cohort, monkeypatch, enqueued, django_capture_on_commit_callbacks
) -> None:
    monkeypatch.setattr(jobs, "ENQUEUE_BATCH", 2)
    with django_capture_on_commit_callbacks(execute=True):
        submit_series(by=owner, cohort=cohort, files=files(1, 2, 3))
    assert (len(enqueued), Job.objects.filter(status="queued").count()) == (2, 3)


@pytest.mark.parametrize(
    "ordered",
    [
        ["slice1", "slice2", "slice10"],
        ["a1b2", "a1b10", "a2b1"],
        ["1.png", "02.png", "10.png"],
        ["IM9", "im10", "IM11"],
        ["", "1", "a"],
        ["x01", "x1"],
        ["7", "7a", "a7"],
    ],
)
def test_names_are_ordered_as_people_mean_it(ordered) -> None:
    for given in (ordered[1:] + ordered[:1], list(ordered)):
        given.sort(key=natural_key)
        assert given == ordered
