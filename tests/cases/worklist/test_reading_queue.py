"""The next case is the first of the list, whichever way it is looked for."""

from __future__ import annotations

import pytest

from cases.held_roles import asked_once, held_by
from cases.lifecycle import Priority, ReadingOrder
from cases.models import Case, Membership, Protocol, Review
from cases.worklist import reading_queue
from cases.worklist.reading_queue import next_case
from tests.cases.worklist.support import awaiting_review

pytestmark = pytest.mark.both_databases


@pytest.fixture
def mixed(submit, owner, colleague, cohort, other_cohort, model_version, make_person) -> list[Case]:
    """Twelve ready cases in cohorts of three orders; some were begun under an order of before."""
    third = type(cohort).objects.create(name="East", reading_order=ReadingOrder.RANDOM)
    other_cohort.reading_order = ReadingOrder.PRIORITY
    other_cohort.save()
    for joined in (other_cohort, third):
        Membership.objects.create(user=colleague, cohort=joined, role="radiologist")
    before = Protocol.objects.create(
        cohort=third, version=1, reading_order=ReadingOrder.PRIORITY, readers_required=2
    )
    Case.objects.bulk_create(
        Case(
            cohort=(cohort, other_cohort, third)[place % 3],
            created_by=owner,
            key_class="glioma",
            priority=Priority.values[place % 2 + place % 4 // 3],
            shuffle=place * 7 % 5 + 1,
            protocol=before if place in (2, 5) else None,
        )
        for place in range(12)
    )
    return list(awaiting_review(colleague))


@pytest.mark.parametrize("look", [1, 2, 32])
def test_next_cases_one_after_the_other_are_the_list(look, mixed, colleague, monkeypatch) -> None:
    monkeypatch.setattr(reading_queue, "FIRST_LOOK", look)
    assert len(mixed) == 12
    found = [next_case(colleague)]
    for _ in range(11):
        found.append(next_case(colleague, after=found[-1]))
    assert found == mixed
    assert next_case(colleague, after=found[-1]) == mixed[0]


def test_next_case_finds_the_only_one_that_waits_behind_many_that_do_not(
    mixed, colleague, second, administrator, monkeypatch
) -> None:
    monkeypatch.setattr(reading_queue, "FIRST_LOOK", 2)
    for case in (*mixed[:7], *mixed[8:]):
        case.assignments.create(reader=second, assigned_by=administrator)
    assert next_case(colleague) == mixed[7]
    assert next_case(colleague, after=mixed[9]) == mixed[7]
    assert next_case(colleague, after=mixed[7]) is None


def test_way_to_the_next_case_takes_three_queries(mixed, colleague, django_assert_num_queries) -> None:
    with asked_once():
        held_by(colleague)
        with django_assert_num_queries(3):
            assert next_case(colleague) == mixed[0]
        with django_assert_num_queries(4):
            assert next_case(colleague, after=mixed[4]) == mixed[5]


def test_amendment_fills_no_second_slot(
    ready_case, colleague, second, referee, review_as, under_protocol
) -> None:
    under_protocol(readers_required=2)
    first = review_as(colleague, ready_case)
    Review.objects.create(
        case=ready_case,
        prediction=first.prediction,
        reader=colleague,
        verdict="disagree",
        final_class="meningioma",
        confidence=4,
        protocol=first.protocol,
        amends=first,
        reason="Second look.",
    )
    assert next_case(second) == ready_case
    assert not awaiting_review(colleague).exists()
    review_as(second, ready_case)
    assert not awaiting_review(referee).exists()
