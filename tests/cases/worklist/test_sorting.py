"""The orders of the worklist, page by page, and that none of them tells what lies hidden."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.blinding import may_lie_open, results_visible_to
from cases.cohorts import cohorts_of
from cases.lifecycle import CaseState
from cases.models import Case, Membership
from cases.worklist import sorting
from cases.worklist.filters import WorklistFilter
from cases.worklist.keyset import Page
from cases.worklist.sorting import Sort, page_of, place_of

pytestmark = pytest.mark.both_databases

STATES = ("open", "in_review", "reviewed", "closed")
LIFECYCLE = list(CaseState)


@pytest.fixture
def many(owner, colleague, cohort, other_cohort) -> list[Case]:
    """Ten cases in two cohorts of the colleague, unlike in all that the list can be sorted by."""
    Membership.objects.create(user=colleague, cohort=other_cohort, role="radiologist")
    cases = Case.objects.bulk_create(
        Case(
            cohort=(cohort, other_cohort)[place % 2],
            created_by=owner,
            state=STATES[place % 4],
            priority=place % 3,
            key_class="glioma",
            key_probability=None if place % 5 == 0 else 0.4 + place * 7 % 10 / 20,
        )
        for place in range(10)
    )
    now = timezone.now()
    for place, case in enumerate(cases):
        case.created_at = now - timedelta(hours=place * 3 % 10)
        case.save()
    return cases


def walked(
    user, sort: Sort, filters: WorklistFilter | None = None, *, size: int = 3, backwards: bool = False
) -> list[str]:
    """The codes of all pages, one after the other."""

    def read(**edge: str) -> Page[Case]:
        place = place_of(user, sort, **edge)
        return page_of(
            user,
            filters or WorklistFilter(),
            sort,
            place,
            size,
            cohorts=[held.cohort.pk for held in cohorts_of(user)],
            dressed=lambda cases: cases,
        )

    page = read()
    codes = [case.code for case in page.rows]
    while page.has_next:
        page = read(after=page.rows[-1].code)
        codes += [case.code for case in page.rows]
    if not backwards:
        return codes
    codes = [case.code for case in page.rows]
    while page.has_previous:
        page = read(before=page.rows[0].code)
        codes = [case.code for case in page.rows] + codes
    return codes


def by_hand(cases: list[Case], sort: Sort) -> list[str]:
    """The same order, the plain way."""
    down = sort.startswith("-")
    by_age = sorted(cases, key=lambda case: (case.created_at, case.pk))
    newest = by_age[::-1]
    match sort.removeprefix("-"):
        case "received":
            found = newest if down else by_age
        case "code":
            found = sorted(cases, key=lambda case: case.code, reverse=down)
        case "priority":
            found = sorted(by_age, key=lambda case: -case.priority if down else case.priority)
        case "state":
            found = sorted(newest, key=lambda case: LIFECYCLE.index(case.state) * (-1 if down else 1))
        case _:
            known = [case for case in by_age if case.key_probability is not None]
            known.sort(key=lambda case: (case.key_probability, case.created_at, case.pk), reverse=down)
            found = known + [case for case in (newest if down else by_age) if case not in known]
    return [case.code for case in found]


def test_pages_in_each_order_hold_every_case_once(many, colleague) -> None:
    """All orders over the same cases, which take longer to make than to sort."""
    for sort in Sort:
        wanted = by_hand(many, sort)
        for size in (3, 50):
            assert walked(colleague, sort, size=size) == wanted, (sort, size)
            assert walked(colleague, sort, size=size, backwards=True) == wanted[-10:], (sort, size)


def test_one_sorted_list_says_what_the_parts_say(many, colleague, monkeypatch) -> None:
    monkeypatch.setattr(sorting, "MANY_PARTS", 0)
    for sort in Sort:
        assert walked(colleague, sort) == by_hand(many, sort), sort


def test_order_holds_within_a_filter(many, colleague, cohort) -> None:
    ours = [case for case in many if case.cohort == cohort]
    found = walked(colleague, Sort.URGENT, WorklistFilter(cohort=cohort), size=2)
    assert found == by_hand(ours, Sort.URGENT)


def test_page_behind_an_unknown_case_is_the_first(many, colleague, cohort, stranger) -> None:
    for code in ("0000-0000", "nonsense"):
        page = page_of(
            colleague,
            WorklistFilter(),
            Sort.NEWEST,
            place_of(colleague, Sort.NEWEST, after=code),
            50,
            cohorts=[cohort.pk],
            dressed=lambda cases: cases,
        )
        assert (len(page.rows), page.has_previous, page.has_next) == (5, False, False)


@pytest.mark.parametrize(("sort", "oldest_first"), [(Sort.UNCERTAIN, True), (Sort.CERTAIN, False)])
def test_order_by_certainty_shows_a_blinded_reader_no_more_than_the_age(
    sort, oldest_first, submit, analyse_as, blinded, colleague
) -> None:
    cases = [submit(seed=seed) for seed in range(4)]
    for case, probability in zip(cases, (0.9, 0.4, 0.8, 0.5), strict=True):
        analyse_as(case, probability=probability)
    codes = [case.code for case in cases]
    assert walked(colleague, sort, size=2) == (codes if oldest_first else codes[::-1])


def test_order_by_certainty_begins_with_what_the_reader_has_revealed(
    submit, analyse_as, blinded, colleague, commit_as
) -> None:
    cases = [submit(seed=seed) for seed in range(3)]
    for case, probability in zip(cases, (0.9, 0.4, 0.8), strict=True):
        analyse_as(case, probability=probability)
    commit_as(colleague, cases[2])
    assert walked(colleague, Sort.UNCERTAIN) == [cases[2].code, cases[0].code, cases[1].code]


def test_administrator_of_a_blinded_cohort_sorts_by_certainty(
    submit, analyse_as, blinded, administrator
) -> None:
    cases = [submit(seed=seed) for seed in range(3)]
    for case, probability in zip(cases, (0.9, 0.4, 0.8), strict=True):
        analyse_as(case, probability=probability)
    assert walked(administrator, Sort.UNCERTAIN) == [cases[1].code, cases[2].code, cases[0].code]


def test_results_of_a_blinded_cohort_are_found_by_the_own_reads(
    blinded, submit, analyse_as, commit_as, colleague, second, administrator
) -> None:
    cases = [submit(seed=seed) for seed in range(3)]
    for case in cases:
        analyse_as(case)
    commit_as(colleague, cases[1])
    found = WorklistFilter(predicted_class="glioma")
    for sort in (Sort.NEWEST, Sort.CODE, Sort.UNCERTAIN):
        assert walked(colleague, sort, found) == [cases[1].code]
        assert walked(second, sort, found) == []
        assert len(walked(administrator, sort, found)) == 3
    for user in (colleague, second, administrator):
        lies_open = set(Case.objects.filter(results_visible_to(user)))
        assert lies_open <= set(Case.objects.filter(may_lie_open(user)))
        assert len(walked(user, Sort.UNCERTAIN)) == 3
