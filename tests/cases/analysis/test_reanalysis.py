"""Analysing a cohort again: the service and the command."""

from io import StringIO

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from cases.analysis import jobs
from cases.analysis.reanalysis import ReanalysisPlan, plan, reanalyse
from cases.models import AuditEvent, Job, Prediction, Review

pytestmark = pytest.mark.both_databases


def counts(done: ReanalysisPlan) -> tuple[int, int, int]:
    return done.to_queue, done.analysed, done.in_work


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("reanalyse", *arguments, stdout=out)
    return out.getvalue()


def test_images_without_a_result_of_the_active_version_are_queued_once(
    submit, analyse_as, newer_version, cohort
) -> None:
    with_result, waiting = submit(seed=1), submit(seed=2)
    analyse_as(with_result)
    Job.objects.filter(image__case=waiting).delete()
    assert counts(reanalyse(by=None, cohort=cohort)) == (1, 1, 0)
    assert counts(reanalyse(by=None, cohort=cohort)) == (0, 1, 1)
    assert Job.objects.filter(model_version=newer_version, status="queued").count() == 1
    (event,) = AuditEvent.objects.filter(action="cohort.reanalysed")
    assert (event.actor, event.cohort, event.details) == (None, cohort, {"name": "test-cnn-2", "queued": 1})


def test_older_results_and_reviews_stay(reviewed_case, newer_version, cohort, analyse_as) -> None:
    review = Review.objects.get()
    assert counts(reanalyse(by=None, cohort=cohort)) == (1, 0, 0)
    analyse_as(reviewed_case, predicted="pituitary")
    assert sorted(Prediction.objects.values_list("model_version__name", "predicted_class")) == [
        ("test-cnn-1", "glioma"),
        ("test-cnn-2", "pituitary"),
    ]
    assert Review.objects.get() == review
    assert review.prediction.model_version.name == "test-cnn-1"
    reviewed_case.refresh_from_db()
    assert reviewed_case.state == "reviewed"


@pytest.mark.parametrize("end", ["failed", "cancelled"])
def test_analysis_that_ended_without_a_result_is_queued_again(end, submitted_case, cohort) -> None:
    Job.objects.update(status=end, attempts=3, error_code="truncated", error_message="Cut off.")
    assert counts(reanalyse(by=None, cohort=cohort)) == (1, 0, 0)
    job = Job.objects.get()
    assert (job.status, job.attempts, job.error_code, job.sent_at) == ("queued", 0, "", None)


def test_running_analysis_is_left_alone(submitted_case, cohort) -> None:
    claim = jobs.lease(Job.objects.get().pk)
    assert counts(reanalyse(by=None, cohort=cohort)) == (0, 0, 1)
    assert Job.objects.get().token == claim.token


def test_other_cohorts_are_left_alone(ready_case, newer_version, other_cohort) -> None:
    assert counts(reanalyse(by=None, cohort=other_cohort)) == (0, 0, 0)
    assert not Job.objects.filter(model_version=newer_version).exists()
    assert not AuditEvent.objects.filter(action="cohort.reanalysed").exists()


def test_workers_are_told_of_the_first_ones_and_beat_of_the_rest(
    submit, analyse_as, cohort, enqueued, monkeypatch, request, django_capture_on_commit_callbacks
) -> None:
    monkeypatch.setattr(jobs, "ENQUEUE_BATCH", 2)
    for seed in range(3):
        analyse_as(submit(seed=seed))
    request.getfixturevalue("newer_version")
    enqueued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        reanalyse(by=None, cohort=cohort)
    assert len(set(enqueued)) == 2
    assert set(enqueued) < set(Job.objects.filter(status="queued").values_list("pk", flat=True))


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger", "exporter"])
def test_only_study_administrators_reanalyse(who, ready_case, newer_version, cohort, request) -> None:
    with pytest.raises(PermissionDenied):
        reanalyse(by=request.getfixturevalue(who), cohort=cohort)
    assert counts(plan(cohort, newer_version)) == (1, 0, 0)


def test_administrator_is_named_in_the_audit_trail(ready_case, newer_version, cohort, administrator) -> None:
    reanalyse(by=administrator, cohort=cohort)
    assert AuditEvent.objects.get(action="cohort.reanalysed").actor == administrator


def test_command_says_what_it_would_do_and_then_does_it(ready_case, newer_version, cohort) -> None:
    would = "“North”, test-cnn-2: 1 would be queued, 0 had a result, 0 still in work.\n"
    assert run("--cohort", "North", "--dry-run") == would
    assert Job.objects.count() == 1
    assert run("--cohort", "North") == would.replace("would be queued", "queued")
    assert (
        run("--cohort", str(cohort.pk)) == "“North”, test-cnn-2: 0 queued, 0 had a result, 1 still in work.\n"
    )


def test_command_names_the_cohorts_that_there_are(ready_case) -> None:
    with pytest.raises(CommandError, match=r"there are: “North”\. Received 'Nowhere'"):
        run("--cohort", "Nowhere")
    assert Job.objects.count() == 1
