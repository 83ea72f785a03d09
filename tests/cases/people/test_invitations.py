"""Inviting, withdrawing, and following the link."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from cases.models import AuditEvent, Invitation, Membership
from cases.people import invitations
from cases.people.memberships import add_member, change_role, remove_member
from portal.accounts.models import User
from tests.cast import PASSWORD

pytestmark = pytest.mark.both_databases

ANSWER = {"full_name": "New Person", "new_password1": PASSWORD, "new_password2": PASSWORD}


@pytest.fixture
def issued(administrator, cohort):
    return invitations.invite(by=administrator, cohort=cohort, email="New@Example.org", role="radiologist")


def link_of(issued):
    return f"/accounts/invitation/{issued.secret}/"


def test_invite_by_administrator_stores_only_a_digest_and_is_audited(issued, administrator, cohort):
    row = Invitation.objects.get()
    assert (row.email, row.role, row.cohort, row.invited_by) == (
        "new@example.org",
        "radiologist",
        cohort,
        administrator,
    )
    assert row.is_open
    assert len(row.secret_digest) == 64
    assert issued.secret not in {str(value) for value in Invitation.objects.values().get().values()}
    event = AuditEvent.objects.get(action="invitation.created")
    assert (event.actor, event.subject, event.details) == (
        administrator,
        str(row.pk),
        {"role": "radiologist"},
    )


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger", "exporter"])
def test_invite_by_anybody_else_is_refused_and_stores_nothing(request, cohort, who):
    by = request.getfixturevalue(who)
    with pytest.raises(PermissionDenied):
        invitations.invite(by=by, cohort=cohort, email="new@example.org", role="radiologist")
    assert not Invitation.objects.exists()


def test_invite_again_closes_the_earlier_link(issued, administrator, cohort):
    second = invitations.invite(by=administrator, cohort=cohort, email="new@example.org", role="technologist")
    with pytest.raises(invitations.InvitationClosed):
        invitations.find_open(issued.secret)
    assert invitations.find_open(second.secret) == second.invitation


def test_link_of_a_new_person_makes_the_account_and_signs_in(client, issued, cohort):
    assert "new@example.org" in client.get(link_of(issued)).content.decode()
    assert client.post(link_of(issued), ANSWER).url == "/cases/"
    user = User.objects.get(email="new@example.org")
    assert user.full_name == "New Person"
    assert user.check_password(PASSWORD)
    assert Membership.objects.get(user=user, cohort=cohort).role == "radiologist"
    assert client.session["_auth_user_id"] == str(user.pk)
    assert Invitation.objects.get().accepted_by == user
    assert AuditEvent.objects.get(action="invitation.accepted").actor == user


@pytest.mark.parametrize(
    "change",
    [
        {"full_name": ""},
        {"new_password2": "something-else-entirely"},
        {"new_password1": "short", "new_password2": "short"},
        {"new_password1": "new@example.org", "new_password2": "new@example.org"},
    ],
)
def test_link_with_a_form_that_does_not_hold_makes_no_account(client, issued, change):
    page = client.post(link_of(issued), ANSWER | change).content.decode()
    assert "field__errors" in page
    assert not User.objects.filter(email="new@example.org").exists()
    assert Invitation.objects.get().is_open


def test_link_works_once(client, issued, client_of):
    client.post(link_of(issued), ANSWER)
    client.logout()
    response = client.post(link_of(issued), ANSWER | {"full_name": "Somebody Else"})
    assert response.status_code == 410
    assert "no longer open" in response.content.decode()
    assert User.objects.get(email="new@example.org").full_name == "New Person"


def test_second_acceptance_of_one_secret_is_refused_by_the_service(issued):
    invitations.accept_as_new(secret=issued.secret, full_name="First", password=PASSWORD)
    with pytest.raises(invitations.InvitationClosed):
        invitations.accept_as_new(secret=issued.secret, full_name="Second", password=PASSWORD)
    assert User.objects.filter(email="new@example.org").count() == 1


def test_link_that_has_run_out_is_closed(client, issued):
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert client.post(link_of(issued), ANSWER).status_code == 410
    assert not User.objects.filter(email="new@example.org").exists()


def test_link_that_was_withdrawn_is_closed(client, issued, administrator):
    invitations.withdraw(by=administrator, invitation=issued.invitation)
    assert client.get(link_of(issued)).status_code == 410


def test_link_that_never_was_is_closed(client, db):
    assert client.get("/accounts/invitation/made-up/").status_code == 410


def test_link_by_a_wrong_verb_is_refused(client, issued):
    assert client.put(link_of(issued)).status_code == 405
    assert Invitation.objects.get().is_open


@pytest.fixture
def for_stranger(administrator, cohort, stranger):
    return invitations.invite(by=administrator, cohort=cohort, email=stranger.email, role="radiologist")


def test_link_for_an_account_leads_through_the_sign_in_and_joins_by_post(
    client, client_of, for_stranger, stranger, cohort
):
    link = link_of(for_stranger)
    assert f"/accounts/sign-in/?next={link}" in client.get(link).content.decode()
    signed_in = client_of(stranger)
    assert signed_in.get(link).status_code == 200
    assert not cohort.memberships.filter(user=stranger).exists()
    assert signed_in.post(link).url == "/cases/"
    assert cohort.memberships.get(user=stranger).role == "radiologist"
    assert stranger.memberships.count() == 2


def test_link_for_an_account_cannot_set_its_password(client, for_stranger, stranger):
    client.post(
        link_of(for_stranger),
        ANSWER | {"new_password1": "taken-over-by-me", "new_password2": "taken-over-by-me"},
    )
    stranger.refresh_from_db()
    assert stranger.check_password(PASSWORD)
    assert Invitation.objects.get().is_open


def test_link_of_somebody_else_is_refused_and_stays_open(
    client_of, for_stranger, colleague, stranger, cohort
):
    client = client_of(colleague)
    assert "you are signed in as colleague@example.org" in client.get(link_of(for_stranger)).content.decode()
    assert client.post(link_of(for_stranger)).status_code == 403
    assert Invitation.objects.get().is_open
    assert not cohort.memberships.filter(user=stranger).exists()


def test_link_for_a_script_says_to_use_a_token_and_signs_nobody_in(client, administrator, cohort):
    issued = invitations.invite(by=administrator, cohort=cohort, email="script@example.org", role="exporter")
    page = client.post(link_of(issued), ANSWER).content.decode()
    assert "has no pages to sign in to" in page
    assert "_auth_user_id" not in client.session


def test_link_for_a_scripts_account_joins_without_a_sign_in(
    client, administrator, cohort, other_cohort, make_person
):
    script = make_person("script", other_cohort, "exporter")
    issued = invitations.invite(by=administrator, cohort=cohort, email=script.email, role="exporter")
    client.post(link_of(issued))
    assert cohort.memberships.get(user=script).role == "exporter"
    assert "_auth_user_id" not in client.session


def become_radiologist(inviter):
    change_role(by=None, membership=inviter.memberships.get(), role="radiologist")


def leave(inviter):
    remove_member(by=None, membership=inviter.memberships.get())


def be_closed(inviter):
    User.objects.filter(pk=inviter.pk).update(is_active=False)


@pytest.mark.parametrize("lose_the_right", [become_radiologist, leave, be_closed])
def test_link_of_an_administrator_who_is_one_no_more_lets_nobody_in(
    client, client_of, administrator, make_person, cohort, issued, lose_the_right
):
    heir = make_person("heir", cohort, "administrator")
    lose_the_right(administrator)
    assert client.get(link_of(issued)).status_code == 410
    assert client.post(link_of(issued), ANSWER).status_code == 410
    with pytest.raises(invitations.InvitationClosed):
        invitations.accept_as_new(secret=issued.secret, full_name="New", password=PASSWORD)
    assert not User.objects.filter(email="new@example.org").exists()
    assert client_of(heir).get("/people/").context["invitations"] == []


def test_link_for_an_account_opens_nothing_once_its_inviter_has_left(
    client_of, administrator, make_person, stranger, for_stranger, cohort
):
    make_person("heir", cohort, "administrator")
    leave(administrator)
    with pytest.raises(invitations.InvitationClosed):
        invitations.accept_as_member(by=stranger, secret=for_stranger.secret)
    assert not cohort.memberships.filter(user=stranger).exists()


def test_link_from_before_gives_back_no_role_that_was_changed_or_taken(
    client_of, administrator, stranger, cohort
):
    issued = invitations.invite(by=administrator, cohort=cohort, email=stranger.email, role="administrator")
    member = add_member(by=administrator, cohort=cohort, user=stranger, role="technologist")
    assert client_of(stranger).post(link_of(issued)).status_code == 410
    assert cohort.memberships.get(user=stranger).role == "technologist"
    remove_member(by=administrator, membership=member)
    assert client_of(stranger).post(link_of(issued)).status_code == 410
    assert not cohort.memberships.filter(user=stranger).exists()
    assert AuditEvent.objects.get(action="invitation.withdrawn").actor == administrator
