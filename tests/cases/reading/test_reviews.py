"""What readers say: verdicts, amendments, conflicts, and rows that nobody can change."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import DatabaseError, connection, transaction

from cases.analysis.results import current_result
from cases.lifecycle import Verdict
from cases.models import AuditEvent, Prediction, Review
from cases.permissions import require_reader
from cases.reading.read_input import ReadInput
from cases.reading.reviews import ReviewConflict, amend_review, submit_review

AGREE = ReadInput("", 5, "clear", verdict=Verdict.AGREE)


def test_agreement_takes_over_the_predicted_class(ready_case, colleague, review_as) -> None:
    review = review_as(colleague, ready_case, confidence=5, comment=" clear ")
    assert (review.verdict, review.final_class, review.confidence, review.comment) == (
        "agree",
        "glioma",
        5,
        "clear",
    )
    assert AuditEvent.objects.get(action="review.submitted").actor == colleague


def test_disagreement_keeps_the_corrected_class_and_closes_the_case(reviewed_case) -> None:
    review = Review.objects.get()
    assert (review.verdict, review.final_class) == ("disagree", "meningioma")
    assert reviewed_case.state == "reviewed"


def test_case_that_wants_two_readers_is_in_review_after_the_first(
    ready_case, cohort, colleague, administrator, review_as
) -> None:
    cohort.readers_required = 2
    cohort.save()
    review_as(colleague, ready_case)
    ready_case.refresh_from_db()
    assert ready_case.state == "in_review"
    review_as(administrator, ready_case)
    ready_case.refresh_from_db()
    assert ready_case.state == "reviewed"


@pytest.mark.parametrize(
    ("verdict", "corrected", "sentence"),
    [
        (Verdict.AGREE, "pituitary", "Choose “Disagree”"),
        (Verdict.DISAGREE, "", "which class you see"),
        (Verdict.DISAGREE, "glioma", "network's own class"),
        (Verdict.DISAGREE, "abscess", "not known"),
    ],
)
def test_opinion_that_does_not_hold_together_is_refused(
    verdict, corrected, sentence, ready_case, colleague
) -> None:
    prediction = current_result(colleague, ready_case)
    with pytest.raises(ValidationError, match=sentence):
        submit_review(
            reader=require_reader(colleague, ready_case),
            prediction=prediction,
            read=ReadInput(corrected, 3, verdict=verdict),
        )
    assert not Review.objects.exists()


def test_result_of_another_case_is_refused(ready_case, submit, analyse_as, colleague) -> None:
    other = submit(seed=1)
    analyse_as(other)
    with pytest.raises(ValidationError, match="another case"):
        submit_review(
            reader=require_reader(colleague, ready_case),
            prediction=current_result(colleague, other),
            read=AGREE,
        )


@pytest.mark.parametrize("who", ["owner", "stranger", "exporter"])
def test_review_without_the_right_is_refused_and_stores_nothing(who, ready_case, colleague, request) -> None:
    prediction = current_result(colleague, ready_case)
    with pytest.raises(PermissionDenied):
        submit_review(
            reader=require_reader(request.getfixturevalue(who), ready_case), prediction=prediction, read=AGREE
        )
    ready_case.refresh_from_db()
    assert (Review.objects.count(), ready_case.state) == (0, "open")


def test_second_first_review_of_a_reader_is_a_conflict_that_shows_the_newer(
    reviewed_case, colleague, review_as
) -> None:
    with pytest.raises(ReviewConflict) as caught:
        review_as(colleague, reviewed_case)
    assert caught.value.current == Review.objects.get()


def test_amendment_is_a_new_row_and_the_old_one_stays(reviewed_case, colleague) -> None:
    first = Review.objects.get()
    amendment = amend_review(by=colleague, review=first, read=AGREE, reason=" Misread the border. ")
    first.refresh_from_db()
    assert (first.final_class, first.amended_by) == ("meningioma", amendment)
    assert (amendment.final_class, amendment.reason, amendment.amends) == (
        "glioma",
        "Misread the border.",
        first,
    )


def test_amendment_without_a_reason_is_refused(reviewed_case, colleague) -> None:
    with pytest.raises(ValidationError, match="Say why"):
        amend_review(by=colleague, review=Review.objects.get(), read=AGREE, reason="  ")
    assert Review.objects.count() == 1


def test_amendment_by_somebody_else_is_refused(reviewed_case, administrator) -> None:
    with pytest.raises(PermissionDenied):
        amend_review(by=administrator, review=Review.objects.get(), read=AGREE, reason="no")
    assert Review.objects.count() == 1


def test_second_amendment_of_one_review_is_a_conflict(reviewed_case, colleague) -> None:
    first = Review.objects.get()
    newer = amend_review(by=colleague, review=first, read=AGREE, reason="once")
    with pytest.raises(ReviewConflict) as caught:
        amend_review(by=colleague, review=first, read=AGREE, reason="twice")
    assert caught.value.current == newer


@pytest.mark.parametrize("model", [Prediction, Review, AuditEvent])
def test_database_refuses_to_change_or_delete_a_row(model, reviewed_case) -> None:
    rows = model.objects.all()
    before = list(rows.values())
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        rows.update(id=before[0]["id"])
    with pytest.raises(DatabaseError, match="only ever added"), transaction.atomic():
        rows._raw_delete(rows.db)
    assert list(rows.values()) == before


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="REPLACE is SQLite's own")
def test_sqlite_refuses_to_replace_a_row(reviewed_case) -> None:
    with (
        pytest.raises(DatabaseError, match="only ever added"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("INSERT OR REPLACE INTO cases_review SELECT * FROM cases_review")
