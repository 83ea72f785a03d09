"""Races for one invitation and for the last administrator, on a real PostgreSQL."""

from __future__ import annotations

from collections import Counter

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils import timezone

from cases.models import Invitation, Membership
from cases.people.invitations import InvitationClosed, accept_as_new, invite, withdraw
from cases.people.memberships import change_role
from cases.roles import Role
from portal.accounts.models import User
from tests.cast import PASSWORD
from tests.integration.test_races import RUNNERS, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def real_postgresql() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("races need a real PostgreSQL")


def test_invitation_accepted_many_times_at_once_makes_one_account(administrator, cohort) -> None:
    issued = invite(by=administrator, cohort=cohort, email="new@example.org", role=Role.RADIOLOGIST)
    outcomes = race(lambda: accept_as_new(secret=issued.secret, full_name="New", password=PASSWORD))
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {User: 1, InvitationClosed: RUNNERS - 1}
    assert User.objects.filter(email="new@example.org").count() == 1
    assert Membership.objects.filter(user__email="new@example.org").count() == 1


def test_invitation_withdrawn_while_it_is_accepted_ends_in_one_of_both(administrator, cohort) -> None:
    issued = invite(by=administrator, cohort=cohort, email="new@example.org", role=Role.RADIOLOGIST)
    turns = iter(range(RUNNERS))

    def act() -> None:
        if next(turns) % 2:
            withdraw(by=administrator, invitation=issued.invitation)
        else:
            accept_as_new(secret=issued.secret, full_name="New", password=PASSWORD)

    outcomes = race(act)
    assert sum(outcome is None for outcome in outcomes) == 1
    row = Invitation.objects.get()
    assert (row.accepted_at is None) != (row.withdrawn_at is None)
    assert User.objects.filter(email="new@example.org").exists() == (row.accepted_at is not None)
    assert row.expires_at > timezone.now()


def test_administrators_who_step_down_at_once_leave_one(administrator, cohort, make_person) -> None:
    for number in range(RUNNERS - 1):
        make_person(f"administrator{number}", cohort, "administrator")
    memberships = iter(list(cohort.memberships.select_related("cohort", "user")))

    def step_down() -> None:
        membership = next(memberships)
        change_role(by=membership.user, membership=membership, role=Role.RADIOLOGIST)

    outcomes = race(step_down)
    assert sum(isinstance(outcome, ValidationError) for outcome in outcomes) == 1
    assert cohort.memberships.filter(role=Role.ADMINISTRATOR).count() == 1
