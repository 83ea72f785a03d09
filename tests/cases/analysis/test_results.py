"""Which result stands for a case that several network versions have analysed."""

import pytest

from cases.analysis.model_versions import active_version
from cases.analysis.reanalysis import reanalyse
from cases.analysis.results import current_job, current_result, results_of
from cases.lifecycle import Verdict
from cases.models import Job, ModelVersion, Prediction
from cases.permissions import require_reader
from cases.reading.read_input import ReadInput
from cases.reading.reviews import submit_review
from portal.accounts.models import User
from tests.cases.worklist.support import listed

pytestmark = pytest.mark.both_databases


@pytest.fixture
def analysed_twice(ready_case, newer_version, cohort, analyse_as):
    """The older version said glioma; the newer, active one says pituitary."""
    reanalyse(by=None, cohort=cohort)
    analyse_as(ready_case, predicted="pituitary")
    return ready_case


@pytest.fixture
def read_then_analysed_again(reviewed_case, newer_version, cohort, analyse_as):
    """The colleague read the older version's glioma; then the newer one said pituitary."""
    reanalyse(by=None, cohort=cohort)
    analyse_as(reviewed_case, predicted="pituitary")
    reviewed_case.refresh_from_db()
    return reviewed_case


def listed_class(user: User) -> str | None:
    (case,) = listed(user)
    return case.key_class


def test_active_version_stands_for_a_case_that_nobody_has_read(analysed_twice, colleague) -> None:
    assert current_result(colleague, analysed_twice).predicted_class == "pituitary"
    assert listed_class(colleague) == "pituitary"
    assert [found.predicted_class for found in results_of(colleague, analysed_twice)] == [
        "pituitary",
        "glioma",
    ]


def test_result_that_was_read_goes_on_to_stand_for_the_case(
    read_then_analysed_again, colleague, administrator
) -> None:
    for reader in (colleague, administrator):
        assert current_result(reader, read_then_analysed_again).predicted_class == "glioma"
    assert listed_class(administrator) == "glioma"
    assert read_then_analysed_again.state == "reviewed"
    assert len(results_of(administrator, read_then_analysed_again)) == 2


def test_reader_sees_the_result_of_the_own_review_though_another_reader_saw_a_newer_one(
    analysed_twice, colleague, administrator, review_as
) -> None:
    older = Prediction.objects.get(model_version__name="test-cnn-1")
    submit_review(
        reader=require_reader(colleague, analysed_twice),
        prediction=older,
        read=ReadInput("", 4, verdict=Verdict.AGREE),
    )
    newer = Prediction.objects.get(model_version__name="test-cnn-2")
    submit_review(
        reader=require_reader(administrator, analysed_twice),
        prediction=newer,
        read=ReadInput("", 4, verdict=Verdict.AGREE),
    )
    assert current_result(colleague, analysed_twice) == older
    assert current_result(administrator, analysed_twice) == newer
    assert listed_class(colleague) == "pituitary"


def test_version_that_was_rolled_back_to_stands_again(analysed_twice, colleague, model_version) -> None:
    ModelVersion.objects.update(is_active=False)
    ModelVersion.objects.filter(pk=model_version.pk).update(is_active=True)
    assert active_version() == model_version
    assert current_result(colleague, analysed_twice).predicted_class == "glioma"
    assert current_job(analysed_twice).model_version == model_version


def test_newest_result_stands_where_the_active_version_has_none(ready_case, newer_version, colleague) -> None:
    assert current_result(colleague, ready_case).model_version.name == "test-cnn-1"
    assert current_job(ready_case).status == "succeeded"


def test_analysis_of_the_active_version_stands_for_the_case(
    ready_case, newer_version, cohort, colleague
) -> None:
    reanalyse(by=None, cohort=cohort)
    assert current_job(ready_case).status == "queued"
    assert Job.objects.count() == 2


@pytest.mark.parametrize("who", ["owner", "stranger", "exporter"])
def test_results_are_for_readers_only(who, analysed_twice, request) -> None:
    user = request.getfixturevalue(who)
    assert not results_of(user, analysed_twice).exists()
    assert current_result(user, analysed_twice) is None
