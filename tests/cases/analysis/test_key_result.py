"""What the case's row repeats of the result that stands for it is what cases/analysis/results.py says."""

from __future__ import annotations

import pytest
from django.core.files.base import ContentFile

from cases.analysis import jobs, model_files, reanalysis, sweep
from cases.analysis.key_result import catch_up, refresh
from cases.analysis.model_versions import activate, roll_back
from cases.analysis.results import key_result_of
from cases.intake.uploads import add_images
from cases.lifecycle import Verdict
from cases.models import Case, Job, ModelVersion
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from tests.cast import make_png_bytes

pytestmark = pytest.mark.both_databases


def copied(case: Case) -> tuple[str, str, float | None]:
    case.refresh_from_db()
    return case.key_class, case.key_gate, case.key_probability


def truth(case: Case) -> tuple[str, str, float | None]:
    result = key_result_of(case)
    if result is None:
        return "", "", None
    return result.predicted_class, result.gate_verdict, None if result.is_refused else result.confidence


@pytest.fixture
def any_files(monkeypatch) -> None:
    """Activation asks for the version's files; those of the tests have none."""
    monkeypatch.setattr(model_files, "verified", lambda *_: None)


@pytest.fixture
def second_opinion(ready_case, cohort, administrator, newer_version, any_files, analyse_as) -> Case:
    """The first version said glioma; the newer one, which is active, says pituitary."""
    reanalysis.reanalyse(by=administrator, cohort=cohort)
    analyse_as(ready_case, "pituitary", 0.9)
    return ready_case


def test_case_without_a_result_has_no_copy(submitted_case) -> None:
    assert copied(submitted_case) == truth(submitted_case) == ("", "", None)


def test_result_is_copied_when_it_comes(ready_case) -> None:
    assert copied(ready_case) == truth(ready_case) == ("glioma", "", 0.7)


def test_refused_image_has_no_certainty(submitted_case, analyse_as) -> None:
    analyse_as(submitted_case, gate_verdict="refused", gate_distance=9.0)
    assert copied(submitted_case) == truth(submitted_case) == ("glioma", "refused", None)


def test_result_of_the_active_version_takes_the_place(second_opinion) -> None:
    assert copied(second_opinion) == truth(second_opinion) == ("pituitary", "", 0.9)


def test_review_holds_its_result_against_a_newer_one(
    reviewed_case, cohort, administrator, newer_version, analyse_as
) -> None:
    reanalysis.reanalyse(by=administrator, cohort=cohort)
    analyse_as(reviewed_case, "pituitary", 0.9)
    assert copied(reviewed_case) == truth(reviewed_case) == ("glioma", "", 0.7)


def test_amendment_keeps_the_result_that_was_read(
    second_opinion, model_version, colleague, review_as
) -> None:
    review = review_as(colleague, second_opinion)
    activate(by=None, version=model_version)
    assert copied(second_opinion) == truth(second_opinion) == ("pituitary", "", 0.9)
    amend_review(by=colleague, review=review, read=ReadInput("", 3, verdict=Verdict.AGREE), reason="again")
    assert copied(second_opinion) == truth(second_opinion) == ("pituitary", "", 0.9)


def test_activation_and_way_back_change_what_stands(second_opinion, model_version, newer_version) -> None:
    activate(by=None, version=model_version)
    assert copied(second_opinion) == truth(second_opinion) == ("glioma", "", 0.7)
    activate(by=None, version=newer_version)
    assert copied(second_opinion) == truth(second_opinion) == ("pituitary", "", 0.9)
    roll_back(by=None, version=ModelVersion.objects.get(is_active=True))
    assert copied(second_opinion) == truth(second_opinion) == ("glioma", "", 0.7)


def test_refresh_fills_cases_of_every_kind(second_opinion, submit, analyse_as) -> None:
    refused, waiting = submit(seed=1), submit(seed=2)
    analyse_as(refused, gate_verdict="refused", gate_distance=9.0)
    Case.objects.update(key_class="", key_gate="", key_probability=None)
    refresh(Case.objects.all())
    for case in (second_opinion, refused, waiting):
        assert copied(case) == truth(case)
    assert copied(second_opinion) == ("pituitary", "", 0.9)


def test_result_of_a_worker_of_the_version_before_is_caught_up_with(ready_case, submit) -> None:
    submit(seed=1)
    Case.objects.update(key_class="", key_gate="", key_probability=None)
    assert (catch_up(), catch_up()) == (1, 0)
    assert copied(ready_case) == truth(ready_case) == ("glioma", "", 0.7)


# --- Cases of many images ---------------------------------------------------------------------------


def test_nothing_stands_until_every_image_is_through(submit_many, analyse_as) -> None:
    case = submit_many(2)
    analyse_as(case, "notumor", 0.9, position=0)
    assert copied(case) == truth(case) == ("", "", None)
    analyse_as(case, "glioma", 0.6, position=1)
    assert copied(case) == truth(case) == ("glioma", "", 0.6)


def test_image_that_is_given_up_lets_the_others_stand(submit_many, analyse_as, fail_as) -> None:
    case = submit_many(2)
    analyse_as(case, "meningioma", 0.8, position=0)
    fail_as(case, position=1)
    assert copied(case) == truth(case) == ("meningioma", "", 0.8)


def test_image_that_is_tried_again_or_cancelled_is_waited_for_or_not(
    submit_many, analyse_as, fail_as, administrator
) -> None:
    case = submit_many(2)
    analyse_as(case, "meningioma", 0.8, position=0)
    fail_as(case, position=1)
    jobs.retry_case(by=administrator, case=case)
    assert copied(case) == truth(case) == ("", "", None)
    jobs.cancel(by=administrator, job=Job.objects.get(image__case=case, image__position=1))
    assert copied(case) == truth(case) == ("meningioma", "", 0.8)


def test_lost_worker_lets_the_others_stand(submit_many, analyse_as, settings) -> None:
    case = submit_many(2)
    analyse_as(case, "meningioma", 0.8, position=0)
    settings.JOB_MAX_ATTEMPTS = 1
    last = Job.objects.get(image__case=case, image__position=1)
    assert jobs.lease(last.pk) is not None
    Job.objects.filter(pk=last.pk).update(lease_until="2026-01-01T00:00:00Z")
    assert sweep.take_back_expired() == 1
    assert copied(case) == truth(case) == ("meningioma", "", 0.8)


def test_further_image_is_waited_for(submit_many, analyse_as, owner) -> None:
    case = submit_many(1)
    analyse_as(case, "glioma", 0.9)
    assert copied(case) == ("glioma", "", 0.9)
    add_images(by=owner, case=case, files=[ContentFile(make_png_bytes(seed=7007))])
    assert copied(case) == truth(case) == ("", "", None)


def test_images_that_are_analysed_again_by_bulk_or_cohort_are_waited_for(
    submit_many, analyse_as, fail_as, administrator, cohort
) -> None:
    case = submit_many(2)
    analyse_as(case, "glioma", 0.9, position=0)
    fail_as(case, position=1)
    reanalysis.reanalyse(by=administrator, cohort=cohort)
    assert copied(case) == truth(case) == ("", "", None)
    fail_as(case, position=1)
    assert copied(case) == truth(case) == ("glioma", "", 0.9)
