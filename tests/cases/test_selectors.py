"""Reads are restricted to the user before anything else."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.access import case_visible_to
from cases.analysis.results import current_result
from cases.export.selection import ReviewFilter, current_reviews
from cases.lifecycle import Verdict
from cases.models import Case
from cases.reading.queries import own_current_review, reviews_of
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from cases.worklist.reading_queue import next_case
from tests.cases.worklist.support import listed

pytestmark = pytest.mark.both_databases


def test_worklist_shows_newest_first_with_the_latest_analysis(submit, analyse_as, colleague) -> None:
    first, second = submit(seed=1), submit(seed=2)
    analyse_as(first, "pituitary", 0.9)
    rows = [(case, case.job_status, case.key_class, case.key_probability) for case in listed(colleague)]
    assert rows == [(second, "queued", "", None), (first, "succeeded", "pituitary", 0.9)]


def test_worklist_of_stranger_is_empty(ready_case, stranger) -> None:
    assert listed(stranger) == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"state": "reviewed"}, 0),
        ({"state": "open"}, 1),
        ({"job_status": "succeeded"}, 1),
        ({"job_status": "failed"}, 0),
        ({"predicted_class": "glioma"}, 1),
        ({"predicted_class": "pituitary"}, 0),
        ({"text": "nort"}, 1),
        ({"text": "south"}, 0),
    ],
)
def test_worklist_is_narrowed_by_each_filter(filters, found, ready_case, colleague) -> None:
    assert len(listed(colleague, **filters)) == found


def test_class_filter_tells_a_technologist_nothing(ready_case, owner) -> None:
    assert listed(owner, predicted_class="glioma") == []


def test_case_is_found_by_code_in_any_case_of_letters(ready_case, colleague) -> None:
    assert case_visible_to(colleague, ready_case.code.lower()) == ready_case


def test_case_of_another_cohort_is_not_there(ready_case, stranger) -> None:
    with pytest.raises(Case.DoesNotExist):
        case_visible_to(stranger, ready_case.code)


@pytest.mark.parametrize("who", ["owner", "stranger", "exporter"])
def test_result_is_hidden_from_who_may_not_read(who, reviewed_case, request) -> None:
    user = request.getfixturevalue(who)
    assert current_result(user, reviewed_case) is None
    assert not reviews_of(user, reviewed_case).exists()


def test_next_case_is_the_oldest_that_waits_and_wraps_round(submit, analyse_as, colleague, review_as) -> None:
    first, second, third, waiting = (submit(seed=seed) for seed in range(4))
    for case in (first, second, third):
        analyse_as(case)
    assert next_case(colleague) == first
    assert next_case(colleague, after=first) == second
    assert next_case(colleague, after=third) == first
    review_as(colleague, first)
    assert next_case(colleague, after=third) == second
    review_as(colleague, second)
    assert next_case(colleague, after=third) is None
    assert next_case(colleague) == third
    assert waiting.state == "open"


def test_next_case_is_for_readers_only(ready_case, owner, stranger) -> None:
    assert next_case(owner) is None
    assert next_case(stranger) is None


def test_own_current_review_is_the_amended_one(reviewed_case, colleague, administrator) -> None:
    first = own_current_review(colleague, reviewed_case)
    amendment = amend_review(
        by=colleague, review=first, read=ReadInput("", 2, verdict=Verdict.AGREE), reason="again"
    )
    assert own_current_review(colleague, reviewed_case) == amendment
    assert own_current_review(administrator, reviewed_case) is None


def test_export_holds_each_review_as_last_amended(reviewed_case, colleague, exporter) -> None:
    first = own_current_review(colleague, reviewed_case)
    amendment = amend_review(
        by=colleague, review=first, read=ReadInput("", 2, verdict=Verdict.AGREE), reason="again"
    )
    assert list(current_reviews(exporter, ReviewFilter())) == [amendment]


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger"])
def test_export_is_empty_without_the_right(who, reviewed_case, request) -> None:
    assert not current_reviews(request.getfixturevalue(who), ReviewFilter()).exists()


def test_export_is_narrowed_by_each_filter(reviewed_case, exporter) -> None:
    now = timezone.now()
    hour = timedelta(hours=1)

    def found(**filters: object) -> int:
        return current_reviews(exporter, ReviewFilter(**filters)).count()

    assert found(since=now - hour) == found(until=now + hour) == found(cohort="North") == 1
    assert found(since=now + hour) == found(until=now - hour) == found(cohort="South") == 0
    assert found(final_class="meningioma") == found(verdict="disagree") == 1
    assert found(final_class="glioma") == found(verdict="agree") == 0
