"""Commit, then reveal: what lies open before whom, and what each service refuses."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError

from cases.analysis.results import current_result, key_result_of, prediction_visible_to, results_of
from cases.blinding import may_see_results, may_see_statements
from cases.lifecycle import Verdict
from cases.models import AuditEvent, Case, FirstRead, Prediction, Review
from cases.permissions import require_reader
from cases.reading.first_reads import FirstReadConflict, commit_first_read
from cases.reading.queries import reviews_of
from cases.reading.read_input import ReadInput
from cases.reading.reviews import submit_review
from cases.worklist.reading_queue import next_case
from tests.cases.worklist.support import listed

pytestmark = pytest.mark.both_databases


def fresh(case: Case) -> Case:
    return Case.objects.select_related("cohort", "protocol").get(pk=case.pk)


def test_result_is_withheld_until_the_own_read_is_committed(
    ready_case, blinded, colleague, second, administrator, owner, commit_as
) -> None:
    case, prediction = fresh(ready_case), Prediction.objects.get()
    assert [may_see_results(user, case) for user in (colleague, second, administrator, owner)] == [
        False,
        False,
        True,
        False,
    ]
    assert current_result(colleague, case) is None
    assert not results_of(colleague, case).exists()
    with pytest.raises(Prediction.DoesNotExist):
        prediction_visible_to(colleague, case, str(prediction.pk))
    commit_as(colleague, case, "meningioma")
    assert may_see_results(colleague, case)
    assert current_result(colleague, case) == prediction
    assert prediction_visible_to(colleague, case, str(prediction.pk)) == prediction
    assert not may_see_results(second, case)
    assert key_result_of(case) == prediction


def test_worklist_filter_by_class_finds_no_unrevealed_case(
    ready_case, blinded, colleague, administrator, commit_as
) -> None:
    assert listed(colleague, predicted_class="glioma") == []
    assert [case.is_open for case in listed(colleague)] == [False]
    assert listed(administrator, predicted_class="glioma") == [ready_case]
    commit_as(colleague, ready_case)
    assert listed(colleague, predicted_class="glioma") == [ready_case]
    assert [case.is_open for case in listed(colleague)] == [True]


def test_review_before_the_commit_is_refused_by_the_service(ready_case, blinded, colleague) -> None:
    opinion = ReadInput("", 4, verdict=Verdict.AGREE)
    with pytest.raises(PermissionDenied, match="Commit your own read first"):
        submit_review(
            reader=require_reader(colleague, fresh(ready_case)),
            prediction=Prediction.objects.get(),
            read=opinion,
        )
    assert not Review.objects.exists()


def test_committed_read_is_locked_and_the_second_one_is_told_of_it(
    ready_case, blinded, colleague, commit_as
) -> None:
    first = commit_as(colleague, ready_case, "meningioma", comment="  dural tail ")
    assert (first.read_class, first.comment, first.protocol.version) == ("meningioma", "dural tail", 1)
    with pytest.raises(FirstReadConflict) as conflict:
        commit_as(colleague, ready_case, "glioma")
    assert conflict.value.current == first
    assert FirstRead.objects.count() == 1
    assert AuditEvent.objects.filter(action="first_read.committed").count() == 1


def test_both_reads_stay_after_the_reveal(ready_case, blinded, colleague, commit_as, review_as) -> None:
    commit_as(colleague, ready_case, "meningioma")
    review_as(colleague, ready_case)
    assert FirstRead.objects.get().read_class == "meningioma"
    assert Review.objects.get().final_class == "glioma"
    assert fresh(ready_case).state == "reviewed"


@pytest.mark.parametrize(
    ("statement", "field"),
    [
        (ReadInput("astrocytoma", 4), "read_class"),
        (ReadInput("other", 4), "other_finding"),
        (ReadInput("other", 4, other_finding="x" * 201), "other_finding"),
    ],
)
def test_statement_that_does_not_hold_is_refused(ready_case, blinded, colleague, statement, field) -> None:
    with pytest.raises(ValidationError) as refused:
        commit_first_read(reader=require_reader(colleague, fresh(ready_case)), read=statement)
    assert list(refused.value.message_dict) == [field]
    assert not FirstRead.objects.exists()


def test_other_finding_keeps_its_words_and_another_class_none(ready_case, blinded, colleague, second) -> None:
    case = fresh(ready_case)
    case.cohort.readers_required = 2
    case.cohort.save()
    other = commit_first_read(
        reader=require_reader(colleague, case), read=ReadInput("other", 3, other_finding=" abscess ")
    )
    none = commit_first_read(
        reader=require_reader(second, fresh(case)), read=ReadInput("unreadable", 3, other_finding="left over")
    )
    assert (other.other_finding, none.other_finding) == ("abscess", "")


def test_administrator_who_sees_results_does_not_read_there(
    ready_case, blinded, administrator, owner
) -> None:
    for user in (administrator, owner):
        with pytest.raises(PermissionDenied):
            commit_first_read(reader=require_reader(user, fresh(ready_case)), read=ReadInput("glioma", 4))
        assert next_case(user) is None
    assert not FirstRead.objects.exists()


def test_commit_in_an_ai_first_cohort_is_refused(ready_case, colleague) -> None:
    with pytest.raises(ValidationError, match="shown first"):
        commit_first_read(reader=require_reader(colleague, fresh(ready_case)), read=ReadInput("glioma", 4))


def test_nobody_who_reads_sees_the_others_before_the_case_is_over(
    ready_case, under_protocol, colleague, second, administrator, referee, review_as
) -> None:
    under_protocol(readers_required=3)
    theirs = review_as(colleague, ready_case, corrected="meningioma")
    case = fresh(ready_case)
    assert list(reviews_of(second, case)) == []
    assert not may_see_statements(second, case)
    assert list(reviews_of(administrator, case)) == []  # under AI first they read too
    assert list(reviews_of(colleague, case)) == [theirs]
    own = review_as(second, case)
    assert list(reviews_of(second, case)) == [own]
    last = review_as(referee, case)
    for user in (second, colleague, administrator):
        assert list(reviews_of(user, case)) == [last, own, theirs]


def test_administrator_of_a_blinded_cohort_who_does_not_read_sees_what_was_said(
    ready_case, under_protocol, colleague, administrator, commit_as, review_as
) -> None:
    under_protocol(reading="blinded", readers_required=2)
    commit_as(colleague, ready_case)
    said = review_as(colleague, ready_case)
    assert list(reviews_of(administrator, fresh(ready_case))) == [said]


def test_blinded_case_that_is_over_stays_closed_to_who_never_read_it(
    ready_case, blinded, colleague, second, commit_as, review_as
) -> None:
    commit_as(colleague, ready_case)
    review_as(colleague, ready_case)
    case = fresh(ready_case)
    assert case.state == "reviewed"
    assert not may_see_results(second, case)
    assert not may_see_statements(second, case)
