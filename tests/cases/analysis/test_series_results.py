"""Which image stands for a case of many, and when: states, waiting, retries, and each image's own result."""

from itertools import permutations

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.analysis import jobs, results
from cases.analysis.reanalysis import reanalyse
from cases.intake.uploads import add_images
from cases.lifecycle import IllegalTransition, Verdict
from cases.models import AuditEvent, Job, ModelVersion, Prediction, Review
from cases.permissions import require_reader
from cases.reading.drafts import finalise_of, submit_preliminary
from cases.reading.read_input import ReadInput
from cases.reading.reviews import submit_review
from cases.teaching import queries
from tests.cases.intake.test_series_uploads import files
from tests.cases.worklist.support import awaiting_review, listed

pytestmark = pytest.mark.both_databases

REFUSED = {"gate_verdict": "refused", "gate_distance": 9.0}
UNCERTAIN = {"gate_verdict": "uncertain", "gate_distance": 4.0}
ACCEPTED = {"gate_verdict": "accepted", "gate_distance": 0.4}


@pytest.fixture
def analysed(submit_many, analyse_as):
    """Analyse a new case of as many images as there are findings (class, probability, what the gate says)."""

    def make(*said, **options):
        case = submit_many(len(said), **options)
        for position, (predicted, probability, *gate) in enumerate(said):
            analyse_as(case, predicted, probability, position=position, **(gate[0] if gate else {}))
        return case

    return make


def key(user, case) -> int | None:
    shown = results.current_result(user, case)
    return shown.image.position if shown else None


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # the likeliest finding, whatever is more certain to be none
        ([("notumor", 0.99), ("glioma", 0.5), ("pituitary", 0.7), ("notumor", 0.9)], 2),
        # where nothing is found, the image where that is least certain
        ([("notumor", 0.99), ("notumor", 0.6), ("notumor", 0.8)], 1),
        # a refused image has no class, and stands for the case only where all are refused
        ([("notumor", 0.9, ACCEPTED), ("glioma", 0.99, REFUSED)], 0),
        ([("notumor", 0.9, REFUSED), ("glioma", 0.6, REFUSED)], 1),
        # an uncertain finding is one
        ([("notumor", 0.99, ACCEPTED), ("meningioma", 0.45, UNCERTAIN)], 1),
        # of equals the first
        ([("glioma", 0.7), ("glioma", 0.7)], 0),
    ],
)
def test_most_suspicious_image_stands_for_the_case(said, expected, analysed, colleague) -> None:
    case = analysed(*said)
    assert key(colleague, case) == expected
    assert listed(colleague)[0].key_class == said[expected][0]
    assert results.key_result_of(case).image.position == expected


def test_order_in_which_workers_finish_does_not_matter(submit_many, analyse_as, colleague) -> None:
    said = [("notumor", 0.9), ("glioma", 0.8), ("meningioma", 0.6)]
    for number, order in enumerate(permutations(range(3))):
        case = submit_many(3, first_seed=1000 + 10 * number)
        for position in order:
            analyse_as(case, *said[position], position=position)
        assert key(colleague, case) == 1


def test_network_that_names_no_negative_class_is_led_by_its_certainty(
    analysed, colleague, model_version
) -> None:
    manifest = {name: value for name, value in model_version.manifest.items() if name != "negative_class"}
    ModelVersion.objects.update(manifest=manifest)
    assert key(colleague, analysed(("glioma", 0.6), ("notumor", 0.9))) == 1


def test_suspicion_is_kept_with_each_result(analysed) -> None:
    analysed(("notumor", 0.9), ("glioma", 0.8))
    kept = Prediction.objects.order_by("image__position").values_list("suspicion", flat=True)
    assert list(kept) == pytest.approx([-0.9, 0.8])


# --- While the analysis goes on ---------------------------------------------------


def test_nothing_stands_for_a_case_before_every_image_is_analysed(submit_many, analyse_as, colleague) -> None:
    case = submit_many(3)
    for position in (2, 0):
        analyse_as(case, position=position)
        assert key(colleague, case) is None
        assert not results.has_result(case)
        assert not awaiting_review(colleague).exists()
        row = listed(colleague)[0]
        assert (row.job_status, row.key_class) == ("queued", "")
    assert results.progress_of([case.pk])[case.pk] == results.Progress(images=3, analysed=2)
    analyse_as(case, position=1)
    assert awaiting_review(colleague).get() == case
    assert listed(colleague)[0].job_status == "succeeded"


def test_running_image_makes_the_case_run(submit_many, analyse_as) -> None:
    case = submit_many(3)
    analyse_as(case, position=0)
    assert results.current_job(case).status == "queued"
    jobs.lease(case.images.get(position=2).jobs.get().pk)
    assert results.current_job(case).status == "running"


def test_case_with_failed_images_fails_but_waits_for_a_reader_with_the_others(
    submit_many, analyse_as, fail_as, colleague
) -> None:
    case = submit_many(3)
    fail_as(case, position=0)
    analyse_as(case, position=1)
    assert results.current_job(case).status == "queued"
    assert not awaiting_review(colleague).exists()
    analyse_as(case, "meningioma", position=2)
    assert results.current_job(case).status == "failed"
    assert results.current_job(case).error_message == "The stored picture is damaged."
    assert results.progress_of([case.pk])[case.pk] == results.Progress(images=3, analysed=2, failed=1)
    assert key(colleague, case) == 1
    assert awaiting_review(colleague).get() == case


def test_case_of_which_every_image_failed_waits_for_nobody(submit_many, fail_as, colleague) -> None:
    case = submit_many(2)
    for position in range(2):
        fail_as(case, position=position)
    assert not results.has_result(case)
    assert not awaiting_review(colleague).exists()


def test_retry_queues_all_failed_images_and_none_of_the_others(
    submit_many, analyse_as, fail_as, owner, colleague
) -> None:
    case = submit_many(4)
    for position in (0, 2):
        fail_as(case, position=position)
    analyse_as(case, position=1)
    jobs.cancel(by=make_superuser(owner), job=case.images.get(position=3).jobs.get())
    assert jobs.retry_case(by=colleague, case=case) == 3
    states = Job.objects.order_by("image__position").values_list("status", flat=True)
    assert list(states) == ["queued", "succeeded", "queued", "queued"]
    assert AuditEvent.objects.filter(action="job.retried").count() == 3
    assert key(colleague, case) is None  # it stands for the case again once all are through


def make_superuser(person):
    person.is_superuser = True
    person.save()
    return person


def test_retry_of_a_case_that_needs_none_is_refused(analysed, colleague) -> None:
    case = analysed(("glioma", 0.9), ("glioma", 0.8))
    with pytest.raises(IllegalTransition):
        jobs.retry_case(by=colleague, case=case)
    assert set(Job.objects.values_list("status", flat=True)) == {"succeeded"}


def test_older_version_stands_until_the_newer_one_is_through(
    analysed, newer_version, cohort, analyse_as, colleague, model_version
) -> None:
    ModelVersion.objects.update(is_active=False)
    ModelVersion.objects.filter(pk=model_version.pk).update(is_active=True)
    case = analysed(("glioma", 0.9), ("notumor", 0.8))
    ModelVersion.objects.update(is_active=False)
    ModelVersion.objects.filter(pk=newer_version.pk).update(is_active=True)
    reanalyse(by=None, cohort=cohort)
    analyse_as(case, "pituitary", 0.95, position=1)
    shown = results.current_result(colleague, case)
    assert (shown.model_version, shown.image.position) == (model_version, 0)
    assert results.progress_of([case.pk])[case.pk] == results.Progress(images=2, analysed=1)
    analyse_as(case, "notumor", 0.95, position=0)
    shown = results.current_result(colleague, case)
    assert (shown.model_version, shown.image.position) == (newer_version, 1)


def test_added_image_takes_the_result_back_until_it_is_analysed(
    analysed, owner, colleague, analyse_as
) -> None:
    case = analysed(("notumor", 0.9))
    add_images(by=owner, case=case, files=files(500))
    assert key(colleague, case) is None
    analyse_as(case, "glioma", 0.6, position=1)
    assert key(colleague, case) == 1


# --- Reviews ----------------------------------------------------------------------


def test_result_that_was_reviewed_goes_on_to_stand_though_another_image_is_more_suspicious(
    submit_many, analyse_as, fail_as, colleague, second, owner, review_as, under_protocol
) -> None:
    under_protocol(readers_required=2)
    case = submit_many(2)
    analyse_as(case, "glioma", 0.6, position=0)
    fail_as(case, position=1)
    review_as(colleague, case)
    jobs.retry_case(by=owner, case=case)
    analyse_as(case, "meningioma", 0.99, position=1)
    for reader in (colleague, second):
        assert key(reader, case) == 0
    review_as(second, case, corrected="meningioma")
    assert set(Review.objects.values_list("prediction__image__position", flat=True)) == {0}


def test_result_that_was_read_stands_while_its_version_is_at_work_again(
    submit_many, analyse_as, fail_as, colleague, second, owner, review_as, under_protocol
) -> None:
    under_protocol(readers_required=2)
    case = submit_many(2)
    analyse_as(case, "glioma", 0.6, position=0)
    fail_as(case, position=1)
    review_as(colleague, case)
    jobs.retry_case(by=owner, case=case)
    assert results.has_result(case)
    for reader in (colleague, second):
        assert key(reader, case) == 0
    case.refresh_from_db()
    assert case.key_class == "glioma"


def test_review_of_an_image_that_does_not_stand_for_the_case_is_refused(analysed, colleague) -> None:
    case = analysed(("glioma", 0.9), ("notumor", 0.8))
    other = Prediction.objects.get(image__position=1)
    with pytest.raises(ValidationError, match="does not stand for the case"):
        submit_review(
            reader=require_reader(colleague, case),
            prediction=other,
            read=ReadInput("", 4, verdict=Verdict.AGREE),
        )
    assert not Review.objects.exists()


def test_review_that_was_submitted_becomes_final_though_another_image_stands_by_then(
    submit_many, analyse_as, fail_as, colleague, owner
) -> None:
    case = submit_many(2)
    analyse_as(case, "glioma", 0.6, position=0)
    fail_as(case, position=1)
    shown = results.current_result(colleague, case)
    submit_preliminary(
        reader=require_reader(colleague, case), prediction=shown, read=ReadInput("", 4, verdict=Verdict.AGREE)
    )
    jobs.retry_case(by=owner, case=case)
    analyse_as(case, "meningioma", 0.99, position=1)
    assert key(colleague, case) == 1
    finalise_of(by=colleague)
    assert Review.objects.get().prediction == shown


# --- Each image's own result ------------------------------------------------------


def test_results_by_image_are_read_in_one_query_beside_that_for_the_roles(
    analysed, colleague, model_version
) -> None:
    case = analysed(*[("glioma", 0.5 + place / 20) for place in range(6)])
    with CaptureQueriesContext(connection) as queries:
        found = results.results_by_image(colleague, case, model_version)
        assert {place: each.model_version.name for place, each in found.items()} == dict.fromkeys(
            range(6), "test-cnn-1"
        )
        assert [each.image.position for each in found.values()] == list(range(6))
    assert len(queries) == 1 + 1
    assert found[3].confidence == pytest.approx(0.65)


def test_results_by_image_leave_out_what_has_none(submit_many, analyse_as, fail_as, colleague, model_version):
    case = submit_many(2)
    fail_as(case, position=0)
    analyse_as(case, position=1)
    assert list(results.results_by_image(colleague, case, model_version)) == [1]


@pytest.mark.parametrize("who", ["owner", "stranger", "exporter"])
def test_results_by_image_are_for_readers_only(who, analysed, model_version, request) -> None:
    case = analysed(("glioma", 0.9), ("notumor", 0.8))
    assert results.results_by_image(request.getfixturevalue(who), case, model_version) == {}


def test_results_by_image_open_with_the_own_commit(
    blinded, analysed, colleague, second, commit_as, model_version
) -> None:
    case = analysed(("glioma", 0.9), ("notumor", 0.8))
    assert results.results_by_image(colleague, case, model_version) == {}
    commit_as(colleague, case)
    assert list(results.results_by_image(colleague, case, model_version)) == [0, 1]
    assert results.results_by_image(second, case, model_version) == {}


def test_teaching_draws_a_case_once_it_is_analysed_whole(
    under_protocol, submit_many, analyse_as, colleague
) -> None:
    under_protocol(reading="teaching")
    case = submit_many(2, ground_truth="glioma")
    analyse_as(case, position=0)
    assert not queries.teaching_cases(colleague).exists()
    analyse_as(case, position=1)
    assert queries.teaching_cases(colleague).get() == case


def test_progress_of_many_cases_takes_one_query(submit_many, submit) -> None:
    many, one = submit_many(3), submit(seed=1)
    with CaptureQueriesContext(connection) as queries:
        found = results.progress_of([many.pk, one.pk])
    assert len(queries) == 1
    assert found == {many.pk: results.Progress(images=3), one.pk: results.Progress(images=1)}
