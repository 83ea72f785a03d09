"""Acts in the Django admin: audited, and under the rule that a cohort keeps an administrator."""

import pytest
from django.urls import reverse

from cases.models import AuditEvent, Cohort, Membership
from portal.accounts.models import User

pytestmark = pytest.mark.ignore_template_errors
NO_INLINES = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}


@pytest.fixture
def superuser(db):
    return User.objects.create_superuser("super@example.org", "x", full_name="Super")


@pytest.fixture
def office(client_of, superuser):
    return client_of(superuser)


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def only_event(action):
    event = AuditEvent.objects.get(action=action)
    return event.actor, event.subject, event.cohort, event.details


def change_user(office, user, **changes):
    """Post the user's page as a browser does: what is ticked is sent, what is not is left out."""
    ticks = {"is_active": user.is_active, "is_staff": user.is_staff, "is_superuser": user.is_superuser}
    answer = {"email": user.email, "full_name": user.full_name} | ticks | changes
    sent = {name: value for name, value in answer.items() if value is not False}
    inlines = {"memberships-TOTAL_FORMS": user.memberships.count()}
    inlines["memberships-INITIAL_FORMS"] = user.memberships.count()
    return office.post(address(User, "change", user.pk), sent | inlines)


def test_first_cohort_and_its_first_administrator_are_made_in_the_admin(office, superuser, make_person):
    person = make_person("first")
    protocol = {"reading": "blinded", "readers_required": "2", "reading_order": "random"}
    answer = {"name": "East", "description": "", **protocol, **NO_INLINES}
    assert office.post(address(Cohort, "add"), answer).status_code == 302
    cohort = Cohort.objects.get()
    actor, subject, _, details = only_event("cohort.created")
    assert (actor, subject) == (superuser, str(cohort.pk))
    assert (details["readers_required"], details["reading"]) == (2, "blinded")

    membership = {"user": person.pk, "cohort": cohort.pk, "role": "administrator"}
    assert office.post(address(Membership, "add"), membership).status_code == 302
    assert Membership.objects.get().role == "administrator"
    assert only_event("member.added") == (superuser, str(person.pk), cohort, {"role": "administrator"})


def test_membership_is_not_added_twice(office, colleague, cohort):
    answer = {"user": colleague.pk, "cohort": cohort.pk, "role": "administrator"}
    assert office.post(address(Membership, "add"), answer).status_code == 200
    assert Membership.objects.get().role == "radiologist"
    assert not AuditEvent.objects.exists()


def test_membership_is_neither_changed_nor_deleted_in_the_admin(office, administrator):
    row = Membership.objects.get()
    assert office.get(address(Membership, "change", row.pk)).status_code == 200
    assert office.post(address(Membership, "change", row.pk), {"role": "exporter"}).status_code == 403
    assert office.post(address(Membership, "delete", row.pk), {"post": "yes"}).status_code == 403
    office.post(
        address(Membership, "changelist"),
        {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"},
    )
    assert Membership.objects.get().role == "administrator"


def test_members_on_a_cohorts_page_cannot_be_changed_and_the_page_says_where(office, administrator, cohort):
    page = office.get(address(Cohort, "change", cohort.pk)).content.decode()
    assert administrator.full_name in page
    assert f"/people/?cohort={cohort.pk}" in page
    assert f"{address(Membership, 'add')}?cohort={cohort.pk}" in page
    row = Membership.objects.get()
    answer = {
        "name": cohort.name,
        "readers_required": "1",
        "memberships-TOTAL_FORMS": "1",
        "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": row.pk,
        "memberships-0-cohort": cohort.pk,
        "memberships-0-user": administrator.pk,
        "memberships-0-role": "exporter",
        "memberships-0-DELETE": "on",
    }
    assert office.post(address(Cohort, "change", cohort.pk), answer).status_code == 302
    assert Membership.objects.get().role == "administrator"


def test_protocol_of_a_cohort_is_not_changed_in_the_admin(office, cohort):
    answer = {"name": "Renamed", "readers_required": "2", "reading": "blinded", **NO_INLINES}
    assert office.post(address(Cohort, "change", cohort.pk), answer).status_code == 302
    cohort.refresh_from_db()
    assert (cohort.name, cohort.readers_required, cohort.reading) == ("Renamed", 1, "ai_first")


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_change_of_a_right_is_audited(office, superuser, colleague, right):
    assert change_user(office, colleague, **{right: "on"}).status_code == 302
    details = {"fields": right, right: True}
    assert only_event("user.changed") == (superuser, str(colleague.pk), None, details)


def test_change_of_an_address_is_audited_without_the_address(office, superuser, colleague):
    assert change_user(office, colleague, email="other@example.org").status_code == 302
    assert only_event("user.changed") == (superuser, str(colleague.pk), None, {"fields": "email"})


def test_closing_the_account_of_one_of_two_administrators_is_audited(
    office, superuser, administrator, make_person, cohort
):
    make_person("second", cohort, "administrator")
    assert change_user(office, administrator, is_active=False).status_code == 302
    administrator.refresh_from_db()
    assert not administrator.is_active
    details = {"fields": "is_active", "is_active": False}
    assert only_event("user.changed") == (superuser, str(administrator.pk), None, details)


def test_account_of_the_only_administrator_is_not_closed(office, administrator):
    response = change_user(office, administrator, is_active=False)
    assert response.status_code == 200
    assert "The only study administrator of: North." in response.content.decode()
    administrator.refresh_from_db()
    assert administrator.is_active
    assert not AuditEvent.objects.exists()


def test_account_is_not_deleted(office, colleague):
    assert office.post(address(User, "delete", colleague.pk), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=colleague.pk).exists()


def test_new_account_is_audited(office, superuser):
    answer = {
        "email": "fresh@example.org",
        "full_name": "Fresh",
        "usable_password": "true",
        "password1": "a-long-pass-phrase",
        "password2": "a-long-pass-phrase",
    }
    assert office.post(address(User, "add"), answer | NO_INLINES).status_code == 302
    fresh = User.objects.get(email="fresh@example.org")
    assert only_event("user.created") == (superuser, str(fresh.pk), None, {})


def test_password_set_by_a_superuser_is_audited_and_only_if_it_was_set(office, superuser, colleague):
    page = reverse("admin:auth_user_password_change", args=[colleague.pk])
    answer = {"usable_password": "true", "password1": "another-pass-phrase", "set-password": "1"}
    assert office.get(page).status_code == 200
    assert office.post(page, answer | {"password2": "something-else"}).status_code == 200
    assert not AuditEvent.objects.exists()
    assert office.post(page, answer | {"password2": "another-pass-phrase"}).status_code == 302
    assert only_event("user.password_set") == (superuser, str(colleague.pk), None, {})
    colleague.refresh_from_db()
    assert colleague.check_password("another-pass-phrase")
