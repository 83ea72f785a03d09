"""The people page."""

import smtplib
import uuid

import pytest

from cases.models import AuditEvent, Invitation, Membership
from cases.people import invitations, mails
from tests.cast import UNKNOWN_ID

PAGE = "/people/"


@pytest.fixture
def invitation(administrator, cohort):
    return invitations.invite(
        by=administrator, cohort=cohort, email="new@example.org", role="radiologist"
    ).invitation


def membership_of(user):
    return user.memberships.get()


def test_people_page_lists_members_and_invitations(client_of, administrator, owner, invitation):
    page = client_of(administrator).get(PAGE).content.decode()
    assert owner.email in page
    assert "new@example.org" in page
    assert "secret_digest" not in page
    assert invitation.secret_digest not in page


def test_people_page_by_anonymous_leads_to_the_sign_in(client, db):
    assert client.get(PAGE).url == "/accounts/sign-in/?next=/people/"


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger"])
def test_people_page_by_others_is_refused(request, client_of, who):
    response = client_of(request.getfixturevalue(who)).get(PAGE)
    assert response.status_code == 403
    assert "This page is for study administrators." in response.content.decode()


@pytest.mark.parametrize("wanted", ["not-an-id", UNKNOWN_ID])
def test_people_page_of_an_unknown_cohort_is_not_found(client_of, administrator, wanted):
    assert client_of(administrator).get(PAGE, {"cohort": wanted}).status_code == 404


def test_people_page_of_a_foreign_cohort_is_not_found(client_of, administrator, other_cohort):
    assert client_of(administrator).get(PAGE, {"cohort": other_cohort.pk}).status_code == 404


def test_people_page_of_a_cohort_where_one_only_reads_is_refused(client_of, administrator, other_cohort):
    Membership.objects.create(user=administrator, cohort=other_cohort, role="radiologist")
    assert client_of(administrator).get(PAGE, {"cohort": other_cohort.pk}).status_code == 403


def test_invite_shows_the_link_once_and_mails_it(client_of, administrator, mailoutbox):
    client = client_of(administrator)
    page = client.post(PAGE, {"email": "New@example.org", "role": "technologist"}).content.decode()
    (mail,) = mailoutbox
    link = next(line for line in mail.body.splitlines() if line.startswith("http"))
    assert link in page
    assert mail.to == ["new@example.org"]
    assert invitations.find_open(link.rstrip("/").rsplit("/", 1)[1]).role == "technologist"
    assert link not in client.get(PAGE).content.decode()


def test_invite_while_mail_is_down_still_shows_the_link(client_of, administrator, monkeypatch):
    def refuse(*args, **kwargs):
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(mails, "send_mail", refuse)
    page = (
        client_of(administrator)
        .post(PAGE, {"email": "new@example.org", "role": "radiologist"})
        .content.decode()
    )
    assert "The mail could not be sent" in page
    assert "/accounts/invitation/" in page


@pytest.mark.parametrize(
    "answer",
    [
        {"email": "not an address", "role": "radiologist"},
        {"email": "new@example.org", "role": "king"},
        {"email": "owner@example.org", "role": "radiologist"},
        {},
    ],
)
def test_invite_that_does_not_hold_is_refused_and_stores_nothing(
    client_of, administrator, owner, mailoutbox, answer
):
    client_of(administrator).post(PAGE, answer)
    assert not Invitation.objects.exists()
    assert not mailoutbox


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger"])
def test_invite_by_others_is_refused_and_stores_nothing(request, client_of, cohort, who):
    client = client_of(request.getfixturevalue(who))
    response = client.post(f"{PAGE}?cohort={cohort.pk}", {"email": "new@example.org", "role": "radiologist"})
    assert response.status_code == 403
    assert not Invitation.objects.exists()


def test_withdraw_closes_the_invitation(client_of, administrator, invitation, cohort):
    response = client_of(administrator).post(f"/people/invitations/{invitation.pk}/withdraw/")
    assert response.url == f"/people/?cohort={cohort.pk}"
    invitation.refresh_from_db()
    assert not invitation.is_open
    assert AuditEvent.objects.filter(action="invitation.withdrawn", actor=administrator).count() == 1


@pytest.mark.parametrize(("who", "status"), [("colleague", 403), ("stranger", 404)])
def test_withdraw_by_others_is_refused_and_leaves_it_open(request, client_of, invitation, who, status):
    client = client_of(request.getfixturevalue(who))
    assert client.post(f"/people/invitations/{invitation.pk}/withdraw/").status_code == status
    invitation.refresh_from_db()
    assert invitation.is_open


@pytest.mark.parametrize(
    "path",
    [
        "/people/invitations/{0}/withdraw/",
        "/people/{0}/tokens/revoke/",
        "/people/members/1/role/",
        "/people/members/1/remove/",
    ],
)
def test_acts_by_get_and_by_anonymous_do_nothing(client, client_of, administrator, path):
    address = path.format(uuid.uuid4())
    assert client_of(administrator).get(address).status_code == 405
    assert client.post(address).url.startswith("/accounts/sign-in/")


@pytest.mark.parametrize(
    "path", ["/people/invitations/{0}/withdraw/", "/people/{0}/tokens/", "/people/members/999999/remove/"]
)
def test_acts_on_what_is_not_there_are_not_found(client_of, administrator, path):
    assert client_of(administrator).post(path.format(uuid.uuid4())).status_code == 404


def test_change_role_gives_the_role_and_is_audited(client_of, administrator, owner):
    member = membership_of(owner)
    client_of(administrator).post(f"/people/members/{member.pk}/role/", {"role": "radiologist"})
    member.refresh_from_db()
    assert member.role == "radiologist"
    event = AuditEvent.objects.get(action="member.role_changed")
    assert (event.actor, event.details) == (administrator, {"before": "technologist", "role": "radiologist"})


def test_change_to_an_unknown_role_changes_nothing(client_of, administrator, owner):
    member = membership_of(owner)
    client_of(administrator).post(f"/people/members/{member.pk}/role/", {"role": "king"})
    member.refresh_from_db()
    assert member.role == "technologist"


@pytest.mark.parametrize(("who", "status"), [("owner", 403), ("colleague", 403), ("stranger", 404)])
@pytest.mark.parametrize("act", ["role", "remove"])
def test_member_acts_by_others_are_refused_and_change_nothing(request, client_of, owner, who, status, act):
    member = membership_of(owner)
    client = client_of(request.getfixturevalue(who))
    assert client.post(f"/people/members/{member.pk}/{act}/", {"role": "administrator"}).status_code == status
    member.refresh_from_db()
    assert member.role == "technologist"


def test_remove_takes_the_person_out(client_of, administrator, owner, cohort):
    client_of(administrator).post(f"/people/members/{membership_of(owner).pk}/remove/")
    assert not cohort.memberships.filter(user=owner).exists()


@pytest.mark.parametrize("act", ["role", "remove"])
def test_last_administrator_stays(client_of, administrator, act):
    member = membership_of(administrator)
    page = client_of(administrator).post(
        f"/people/members/{member.pk}/{act}/", {"role": "radiologist"}, follow=True
    )
    assert "only study administrator" in page.content.decode()
    member.refresh_from_db()
    assert member.role == "administrator"


def test_one_of_two_administrators_may_go(client_of, administrator, make_person, cohort):
    make_person("second", cohort, "administrator")
    client_of(administrator).post(f"/people/members/{membership_of(administrator).pk}/remove/")
    assert not administrator.memberships.exists()
