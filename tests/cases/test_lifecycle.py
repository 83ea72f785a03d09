"""The two state machines, as tables."""

import pytest

from cases.lifecycle import (
    CASE_TRANSITIONS,
    JOB_TRANSITIONS,
    CaseState,
    IllegalTransition,
    JobStatus,
    case_state_after_reviews,
    check_job_transition,
)

LEGAL_JOB_MOVES = {
    ("queued", "running"),
    ("queued", "cancelled"),
    ("running", "succeeded"),
    ("running", "failed"),
    ("running", "queued"),
    ("failed", "queued"),
    ("cancelled", "queued"),
}


@pytest.mark.parametrize("before", JobStatus)
@pytest.mark.parametrize("after", JobStatus)
def test_job_move_is_legal_exactly_where_the_table_lists_it(before: JobStatus, after: JobStatus) -> None:
    if (before.value, after.value) in LEGAL_JOB_MOVES:
        check_job_transition(before, after)
    else:
        with pytest.raises(IllegalTransition, match=before):
            check_job_transition(before, after)


def test_tables_cover_every_state() -> None:
    assert set(JOB_TRANSITIONS) == set(JobStatus)
    assert set(CASE_TRANSITIONS) == set(CaseState)


def test_reviewed_case_stays_so_when_its_cohort_wants_more_readers_since(
    reviewed_case, cohort, administrator, review_as
) -> None:
    cohort.readers_required = 3
    cohort.save()
    reviewed_case.refresh_from_db()
    review_as(administrator, reviewed_case)
    reviewed_case.refresh_from_db()
    assert (reviewed_case.reviews.count(), reviewed_case.state) == (2, "reviewed")


@pytest.mark.parametrize(
    ("readers", "required", "state"),
    [
        (0, 1, CaseState.OPEN),
        (1, 1, CaseState.REVIEWED),
        (1, 2, CaseState.IN_REVIEW),
        (2, 2, CaseState.REVIEWED),
        (3, 2, CaseState.REVIEWED),
    ],
)
def test_case_state_follows_the_number_of_readers(readers: int, required: int, state: CaseState) -> None:
    assert case_state_after_reviews(readers, required) == state
