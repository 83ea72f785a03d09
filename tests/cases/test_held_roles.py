"""Roles are looked up once a request, and never kept beyond it."""

import pytest

from cases import held_roles
from cases.blinding import held_back_from, results_visible_to
from cases.held_roles import HeldRole, asked_once, held_by
from cases.lifecycle import Reading
from cases.models import Case, Cohort, Membership, Protocol
from cases.people.memberships import add_member, change_role, remove_member
from cases.permissions import Action, may, visible_to, within
from cases.roles import Role


def test_roles_of_a_block_are_asked_for_once(colleague, cohort, django_assert_num_queries) -> None:
    with django_assert_num_queries(1), asked_once():
        for _ in range(3):
            assert held_by(colleague) == {
                cohort.pk: HeldRole(Role.RADIOLOGIST, Reading.AI_FIRST, has_blinded=False)
            }


def test_roles_are_asked_anew_outside_of_a_block_and_in_the_next(colleague, cohort) -> None:
    with asked_once():
        assert may(colleague, Action.READ, cohort)
        Membership.objects.filter(user=colleague).update(role=Role.EXPORTER)
        assert may(colleague, Action.READ, cohort)
    assert not may(colleague, Action.READ, cohort)
    with asked_once():
        assert not may(colleague, Action.READ, cohort)


def test_role_that_is_changed_holds_at_once_for_the_rest_of_the_request(
    colleague, administrator, cohort
) -> None:
    with asked_once():
        assert may(colleague, Action.READ, cohort)
        change_role(by=administrator, membership=colleague.memberships.get(), role=Role.TECHNOLOGIST)
        assert not may(colleague, Action.READ, cohort)


def test_member_who_joins_or_leaves_does_so_at_once(administrator, cohort, make_person) -> None:
    newcomer = make_person("newcomer")
    with asked_once():
        assert not may(newcomer, Action.READ, cohort)
        joined = add_member(by=administrator, cohort=cohort, user=newcomer, role=Role.RADIOLOGIST)
        assert may(newcomer, Action.READ, cohort)
        remove_member(by=administrator, membership=joined)
        assert not may(newcomer, Action.READ, cohort)


def test_people_of_one_block_are_kept_apart(colleague, exporter, cohort) -> None:
    with asked_once():
        assert may(colleague, Action.READ, cohort)
        assert not may(exporter, Action.READ, cohort)
        assert may(colleague, Action.READ, cohort)


def test_block_that_fails_keeps_nothing(colleague) -> None:
    def fails() -> None:
        with asked_once():
            held_by(colleague)
            raise LookupError

    with pytest.raises(LookupError):
        fails()
    assert held_roles._kept.get() is None


@pytest.mark.parametrize("version", ["newest", "begun"])
def test_cohort_with_blinded_cases_is_known_by_any_version_of_its_protocol(
    version, colleague, cohort, blinded, ready_case, commit_as
) -> None:
    if version == "begun":
        commit_as(colleague, ready_case)
        Cohort.objects.filter(pk=cohort.pk).update(reading=Reading.AI_FIRST)
        assert Protocol.objects.get(cohort=cohort).reading == Reading.BLINDED
    assert held_by(colleague)[cohort.pk].has_blinded


def test_condition_of_who_may_nothing_finds_nothing_and_its_opposite_everything(
    submitted_case, exporter, make_person
) -> None:
    for person in (exporter, make_person("nobody")):
        assert not Case.objects.filter(within(person, Action.READ)).exists()
        assert Case.objects.filter(~within(person, Action.READ)).exists()
        assert not Case.objects.filter(results_visible_to(person)).exists()


def test_condition_of_the_superuser_finds_everything(submitted_case, make_person) -> None:
    root = make_person("root")
    root.is_superuser = True
    assert Case.objects.filter(within(root, Action.READ)).get() == submitted_case
    assert not Case.objects.filter(~within(root, Action.READ)).exists()
    assert visible_to(root).get() == submitted_case


def test_who_reads_in_one_cohort_alone_is_asked_about_no_copies(blinded, colleague, other_cohort) -> None:
    """Of a second cohort a copy can come; with one there is none, and no query looks for it."""
    nothing = str(Case.objects.filter(~held_back_from(colleague)).query)
    assert "cases_image" not in nothing
    Membership.objects.create(user=colleague, cohort=other_cohort, role=Role.RADIOLOGIST)
    assert "cases_image" in str(Case.objects.filter(~held_back_from(colleague)).query)
