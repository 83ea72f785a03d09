"""Who may do what, cell by cell."""

from itertools import product

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied

from cases.lifecycle import Reading
from cases.models import Case, Cohort, Membership
from cases.permissions import (
    Action,
    actions_anywhere,
    actions_in,
    cohorts_where,
    may,
    may_amend,
    may_anywhere,
    reader_of,
    reading_cohorts,
    require,
    require_reader,
    visible_to,
)
from cases.roles import Role

RIGHTS = {
    "owner": {Action.UPLOAD, Action.VIEW, Action.RETRY},
    "colleague": {Action.UPLOAD, Action.VIEW, Action.READ, Action.REVIEW, Action.RETRY},
    "administrator": set(Action),
    "exporter": {Action.EXPORT},
    "stranger": set(),
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("who", RIGHTS)
def test_member_may_do_exactly_what_the_role_lists(who, action, cohort, request) -> None:
    assert may(request.getfixturevalue(who), action, cohort) == (action in RIGHTS[who])


@pytest.mark.parametrize("action", Action)
def test_visitor_may_do_nothing(action, cohort) -> None:
    assert not may(AnonymousUser(), action, cohort)
    assert not may_anywhere(AnonymousUser(), action)


def test_superuser_may_do_everything_everywhere(make_person, cohort, other_cohort) -> None:
    person = make_person("root")
    person.is_superuser = True
    for action in Action:
        assert set(cohorts_where(person, action)) == {cohort, other_cohort}


def test_deactivated_member_may_do_nothing(colleague, cohort) -> None:
    colleague.is_active = False
    assert not may(colleague, Action.VIEW, cohort)


def test_case_is_visible_to_members_who_may_view_and_to_nobody_else(
    submitted_case, owner, colleague, administrator, exporter, stranger
) -> None:
    seen = {
        who.email: visible_to(who).exists() for who in (owner, colleague, administrator, exporter, stranger)
    }
    assert seen == {
        "owner@example.org": True,
        "colleague@example.org": True,
        "administrator@example.org": True,
        "exporter@example.org": False,
        "stranger@example.org": False,
    }


def test_require_names_the_cohort_in_the_refusal(stranger, cohort) -> None:
    with pytest.raises(PermissionDenied, match="North"):
        require(stranger, Action.VIEW, cohort)


def test_review_may_be_amended_by_its_author_only(ready_case, colleague, administrator, review_as) -> None:
    review = review_as(colleague, ready_case)
    assert may_amend(colleague, review)
    assert not may_amend(administrator, review)


def test_author_who_left_the_cohort_may_not_amend(ready_case, colleague, review_as) -> None:
    review = review_as(colleague, ready_case)
    colleague.memberships.update(role=Role.EXPORTER)
    assert not may_amend(colleague, review)


def test_actions_anywhere_are_those_of_all_roles_together(
    cohort, other_cohort, make_person, owner, exporter, django_assert_num_queries
) -> None:
    assert actions_anywhere(AnonymousUser()) == frozenset()
    assert actions_anywhere(make_person("nobody")) == frozenset()
    assert actions_anywhere(exporter) == {(Action.EXPORT, Reading.AI_FIRST)}
    Membership.objects.create(user=owner, cohort=other_cohort, role=Role.EXPORTER)
    Cohort.objects.filter(pk=other_cohort.pk).update(reading=Reading.TEACHING)
    with django_assert_num_queries(1):
        found = actions_anywhere(owner)
    uploads = {(action, Reading.AI_FIRST) for action in (Action.UPLOAD, Action.VIEW, Action.RETRY)}
    assert found == uploads | {(Action.EXPORT, Reading.TEACHING)}
    owner.is_superuser = True
    assert actions_anywhere(owner) == set(product(Action, (Reading.AI_FIRST, Reading.TEACHING)))


@pytest.mark.parametrize("reading", Reading)
@pytest.mark.parametrize("who", [*RIGHTS, "root", "referee"])
def test_reader_of_a_case_is_who_its_cohorts_condition_names(
    who, reading, submitted_case, cohort, referee, make_person, request
) -> None:
    if who == "root":
        user = make_person("root")
        user.is_superuser = True
    else:
        user = request.getfixturevalue(who)
    Cohort.objects.filter(pk=cohort.pk).update(reading=reading, readers_required=2, adjudicator=referee)
    case = Case.objects.select_related("cohort", "protocol").get()
    named = Case.objects.filter(reading_cohorts(user), pk=case.pk).exists()
    assert (reader_of(user, case, actions_in(user, case.cohort)) is not None) == named
    if named:
        assert require_reader(user, case).user == user
    else:
        with pytest.raises(PermissionDenied):
            require_reader(user, case)
