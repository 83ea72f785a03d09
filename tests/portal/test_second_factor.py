"""The second factor: set up, asked for at the sign-in and by role, limited, and ended."""

from __future__ import annotations

import re
from io import StringIO
from types import SimpleNamespace

import pyotp
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.test import Client

from cases.models import AuditEvent, Invitation, Membership
from cases.roles import Role
from portal.accounts import proof, second_factor
from portal.accounts.models import RecoveryCode, SecondFactor, User
from portal.settings.env import ROLES, known_roles
from tests.cast import PASSWORD, token_of

pytestmark = pytest.mark.both_databases

SIGN_IN, CODE, OWN = "/accounts/sign-in/", "/accounts/sign-in/code/", "/accounts/second-factor/"
CONFIRM = "/accounts/confirm/"
NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> SimpleNamespace:
    """The time of codes and proofs, which stands still until a test moves it."""
    time = SimpleNamespace(now=NOW)
    for module in (second_factor, proof):
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: time.now))
    return time


@pytest.fixture
def app(colleague) -> SimpleNamespace:
    """What the colleague's telephone holds, and the codes on paper."""
    seed = second_factor.new_seed()
    totp = pyotp.TOTP(second_factor.secret_of(seed))
    codes = second_factor.begin(colleague, seed, totp.at(NOW - 300))
    return SimpleNamespace(totp=totp, codes=codes)


def give_password(client: Client, user: User, **more: str):
    return client.post(SIGN_IN, {"username": user.email, "password": PASSWORD, **more})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_setting_up_shows_a_secret_and_takes_the_code_of_an_app_that_has_it(client_of, colleague) -> None:
    browser = client_of(colleague)
    page = browser.get(OWN).content.decode()
    (secret,) = re.findall(r'<code class="secret">(\w{32})</code>', page)
    assert 'src="data:image/svg+xml' in page
    page = browser.post(OWN, {"code": pyotp.TOTP(secret).at(NOW)}).content.decode()
    codes = re.findall(r'<code class="secret">([a-z2-9]{5}-[a-z2-9]{5})</code>', page)
    assert len(set(codes)) == 10
    assert AuditEvent.objects.get(action="user.second_factor_set").actor == colleague
    factor = SecondFactor.objects.get(user=colleague)
    assert secret not in factor.seed
    stored = set(RecoveryCode.objects.values_list("digest", flat=True))
    assert not stored & {code.replace("-", "") for code in codes}
    assert "10 recovery codes are left" in browser.get(OWN).content.decode()


@pytest.mark.parametrize("code", ["", "000000", "12345", "abcdef", "0" * 21])
def test_setting_up_with_a_wrong_code_changes_nothing(client_of, colleague, code) -> None:
    assert "field__errors" in client_of(colleague).post(OWN, {"code": code}).content.decode()
    assert not SecondFactor.objects.exists()


def test_sign_in_asks_for_the_code_and_lets_nobody_in_before(client, colleague, app) -> None:
    response = give_password(client, colleague, next="/cases/upload/")
    assert response.url == f"{CODE}?next=%2Fcases%2Fupload%2F"
    assert not is_signed_in(client)
    assert client.get("/cases/").url == f"{SIGN_IN}?next=/cases/"
    assert client.get("/api/v1/cases/").status_code == 401
    response = client.post(CODE, {"code": app.totp.at(NOW), "next": "/cases/upload/"})
    assert response.url == "/cases/upload/"
    assert is_signed_in(client)
    assert proof.was_by_code(client)


def test_forms_on_the_way_carry_where_it_goes(client, colleague, app, client_of) -> None:
    give_password(client, colleague)
    for browser, address in ((client, CODE), (client_of(colleague), CONFIRM)):
        page = browser.get(f"{address}?next=/cases/upload/").content.decode()
        assert '<input type="hidden" name="next" value="/cases/upload/">' in page
        foreign = browser.get(f"{address}?next=//evil.example/").content.decode()
        assert '<input type="hidden" name="next" value="">' in foreign


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/"])
def test_code_with_a_foreign_next_stays_here(client, colleague, app, target) -> None:
    give_password(client, colleague)
    assert client.post(CODE, {"code": app.totp.at(NOW), "next": target}).url == "/cases/"


@pytest.mark.parametrize(
    ("off", "is_let_in"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)]
)
def test_clock_of_the_telephone_may_be_a_step_off(client, colleague, app, off, is_let_in) -> None:
    give_password(client, colleague)
    client.post(CODE, {"code": app.totp.at(NOW + off)})
    assert is_signed_in(client) is is_let_in


def test_code_is_taken_once(colleague, app, client) -> None:
    code = app.totp.at(NOW)
    assert second_factor.is_right(colleague, f"{code[:3]} {code[3:]}")
    assert not second_factor.is_right(colleague, code)
    # Nor one that is older than what was taken.
    assert not second_factor.is_right(colleague, app.totp.at(NOW - 30))
    assert second_factor.is_right(colleague, app.totp.at(NOW + 30))


def test_recovery_code_is_taken_once_and_written_down(client, colleague, app) -> None:
    for code in (app.codes[0], app.codes[1].upper().replace("-", " ")):
        browser = Client()
        give_password(browser, colleague)
        assert browser.post(CODE, {"code": code}).status_code == 302
    assert second_factor.codes_left(colleague) == 8
    assert AuditEvent.objects.filter(action="user.recovery_code_used", actor=colleague).count() == 2
    give_password(client, colleague)
    assert "was used already" in client.post(CODE, {"code": app.codes[0]}).content.decode()
    assert not is_signed_in(client)


def test_code_of_another_person_opens_nothing(client, second, colleague, app) -> None:
    seed = second_factor.new_seed()
    second_factor.begin(second, seed, "")
    give_password(client, second)
    for code in (app.totp.at(NOW), app.codes[0]):
        client.post(CODE, {"code": code})
    assert not is_signed_in(client)


def test_wrong_codes_are_limited_and_the_right_password_frees_nobody(client, colleague, app) -> None:
    give_password(client, colleague)
    assert [client.post(CODE, {"code": "000000"}).status_code for _ in range(5)] == [200] * 5
    give_password(client, colleague)
    limited = client.post(CODE, {"code": app.totp.at(NOW)})
    assert limited.status_code == 429
    assert 0 < int(limited["Retry-After"]) <= 900
    assert not is_signed_in(client)


def test_half_way_ends_after_five_minutes_and_with_a_new_password(client, colleague, app, clock) -> None:
    assert client.get(CODE).url == SIGN_IN
    give_password(client, colleague)
    clock.now += 5 * 60 + 1
    assert client.get(CODE).url == SIGN_IN
    give_password(client, colleague)
    colleague.set_password("another-long-pass-phrase")
    colleague.save()
    assert client.post(CODE, {"code": app.totp.at(clock.now)}).url == SIGN_IN
    User.objects.filter(pk=colleague.pk).update(is_active=False)
    assert client.post(CODE, {"code": app.totp.at(clock.now)}).url == SIGN_IN
    assert not is_signed_in(client)


def test_sign_in_without_a_second_factor_is_as_before(client, colleague) -> None:
    assert give_password(client, colleague).url == "/cases/"
    assert is_signed_in(client)
    assert not proof.was_by_code(client)


def test_new_recovery_codes_end_the_earlier_ones(client_of, colleague, app) -> None:
    page = client_of(colleague).post(f"{OWN}codes/").content.decode()
    codes = re.findall(r'<code class="secret">(.*?)</code>', page)
    assert not second_factor.is_right(colleague, app.codes[0])
    assert second_factor.is_right(colleague, codes[0])


def test_end_leaves_the_password_alone(client, client_of, colleague, app) -> None:
    client_of(colleague).post(f"{OWN}end/")
    assert not SecondFactor.objects.exists()
    assert not RecoveryCode.objects.exists()
    assert AuditEvent.objects.get(action="user.second_factor_ended").actor == colleague
    assert give_password(client, colleague).url == "/cases/"


# --- Where a role needs it ---------------------------------------------------------------


@pytest.fixture
def asked_of_radiologists(settings) -> None:
    settings.SECOND_FACTOR_FOR = ["radiologist"]


def test_role_that_needs_it_sees_nothing_before_it_is_set_up(
    client_of, colleague, owner, asked_of_radiologists
) -> None:
    browser = client_of(colleague)
    assert browser.get("/cases/").url == OWN
    assert browser.post("/cases/upload/").url == OWN
    refused = browser.get("/cases/live/", headers={"HX-Request": "true"})
    assert (refused.status_code, refused["HX-Refresh"]) == (403, "true")
    assert browser.get("/api/v1/cases/").json()["detail"].startswith("Your role needs a second factor.")
    (secret,) = re.findall(r'<code class="secret">(\w{32})</code>', browser.get(OWN).content.decode())
    browser.post(OWN, {"code": pyotp.TOTP(secret).at(NOW)})
    assert browser.get("/cases/").status_code == 200
    browser.post(f"{OWN}end/")
    assert SecondFactor.objects.exists()
    assert client_of(owner).get("/cases/").status_code == 200


def test_role_that_needs_it_may_sign_out_and_read_the_guide(
    client_of, colleague, asked_of_radiologists
) -> None:
    browser = client_of(colleague)
    assert browser.get("/help/radiologist/").status_code == 200
    assert browser.post("/accounts/sign-out/").url == SIGN_IN


def test_role_that_is_given_later_needs_it_at_once(
    client_of, owner, other_cohort, asked_of_radiologists
) -> None:
    browser = client_of(owner)
    assert browser.get("/cases/").status_code == 200
    Membership.objects.create(user=owner, cohort=other_cohort, role="radiologist")
    assert browser.get("/cases/").url == OWN


def test_session_without_the_code_of_somebody_who_has_an_app_is_asked_for_it(
    client_of, colleague, app, asked_of_radiologists
) -> None:
    browser = client_of(colleague)
    assert browser.get("/cases/").url == f"{CONFIRM}?next=%2Fcases%2F"
    assert browser.post(CONFIRM, {"code": app.totp.at(NOW), "next": "/cases/"}).url == "/cases/"
    assert browser.get("/cases/").status_code == 200


@pytest.mark.parametrize("right", ["is_staff", "is_superuser"])
def test_people_of_the_django_admin_need_it_where_settings_say_so(
    client_of, stranger, colleague, settings, right
) -> None:
    settings.SECOND_FACTOR_FOR = ["staff"]
    User.objects.filter(pk=stranger.pk).update(**{right: True})
    assert client_of(stranger).get("/admin/").url == OWN
    assert client_of(colleague).get("/cases/").status_code == 200


def test_tokens_of_a_role_that_needs_it_go_on(client, colleague, asked_of_radiologists) -> None:
    headers = {"Authorization": f"Token {token_of(colleague)}"}
    assert client.get("/api/v1/cases/", headers=headers).status_code == 200


def test_health_answers_whoever_asks(client_of, colleague, asked_of_radiologists) -> None:
    assert client_of(colleague).get("/health/live/").status_code == 200


def test_roles_that_settings_name_are_those_of_cohorts_and_staff() -> None:
    assert set(ROLES) == {*Role.values, "staff"}
    assert known_roles(["staff", "exporter"]) == ["staff", "exporter"]
    with pytest.raises(ImproperlyConfigured, match="not: admin"):
        known_roles(["admin"])


# --- Whoever has lost it -------------------------------------------------------------------


def test_site_administrator_ends_the_second_factor_of_whoever_lost_it(
    client_of, colleague, app, make_person
) -> None:
    root = make_person("root")
    User.objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True)
    form = {"action": "end_second_factors", "_selected_action": [str(colleague.pk)]}
    assert client_of(root).post("/admin/accounts/user/", form).status_code == 302
    assert not SecondFactor.objects.exists()
    assert AuditEvent.objects.get(action="user.second_factor_ended").actor == root


def test_command_ends_it(colleague, app) -> None:
    call_command("end_second_factor", "Colleague@example.org", stdout=StringIO())
    assert not SecondFactor.objects.exists()
    for address in (colleague.email, "nobody@example.org"):
        with pytest.raises(CommandError):
            call_command("end_second_factor", address)


# --- Showing once more who one is ------------------------------------------------------------


@pytest.mark.parametrize("address", ["/accounts/tokens/", OWN])
def test_what_could_open_the_account_asks_again_after_a_quarter_of_an_hour(
    client_of, colleague, clock, address
) -> None:
    browser = client_of(colleague)
    clock.now += 15 * 60 - 1
    assert browser.get(address).status_code == 200
    clock.now += 1
    asked = browser.get(address)
    assert asked.url == f"{CONFIRM}?next={address.replace('/', '%2F')}"
    assert "Show that it is you" in browser.get(asked.url).content.decode()
    assert "This is not your password." in browser.post(CONFIRM, {"password": "wrong"}).content.decode()
    assert browser.get(address).status_code == 302
    assert browser.post(CONFIRM, {"password": PASSWORD, "next": address}).url == address
    assert browser.get(address).status_code == 200


def test_other_pages_do_not_ask_again(client_of, colleague, clock) -> None:
    browser = client_of(colleague)
    clock.now += 3600
    assert browser.get("/cases/").status_code == 200


def test_form_that_asks_again_changes_nothing_and_leads_back_to_its_page(
    client_of, administrator, owner, clock
) -> None:
    browser = client_of(administrator)
    clock.now += 3600
    membership = owner.memberships.get()
    page = "http://testserver/people/?cohort=1"
    address = f"/people/members/{membership.pk}/role/"
    asked = browser.post(address, {"role": "administrator"}, headers={"Referer": page})
    assert asked.url == f"{CONFIRM}?next=%2Fpeople%2F%3Fcohort%3D1"
    membership.refresh_from_db()
    assert membership.role == "technologist"


def test_whoever_comes_in_or_leaves_is_asked_about_again_as_roles_are(
    client_of, administrator, owner, clock
) -> None:
    browser = client_of(administrator)
    clock.now += 3600
    assert browser.get("/people/").status_code == 200
    invited = browser.post("/people/", {"email": "mine@example.org", "role": "administrator"})
    removed = browser.post(f"/people/members/{owner.memberships.get().pk}/remove/")
    assert [answer.url.partition("?")[0] for answer in (invited, removed)] == [CONFIRM, CONFIRM]
    assert not Invitation.objects.exists()
    assert owner.memberships.count() == 1


def test_change_in_the_django_admin_asks_again(client_of, make_person, clock) -> None:
    root = make_person("root")
    User.objects.filter(pk=root.pk).update(is_staff=True, is_superuser=True)
    browser = client_of(root)
    clock.now += 3600
    assert browser.get("/admin/").status_code == 200
    assert browser.post("/admin/cases/membership/add/", {}).url.startswith(CONFIRM)


def test_whoever_has_an_app_shows_its_code_and_not_the_password(client_of, colleague, app, clock) -> None:
    browser = client_of(colleague)
    clock.now += 3600
    browser.post(CONFIRM, {"password": PASSWORD})
    assert browser.get(OWN).status_code == 302
    browser.post(CONFIRM, {"code": app.totp.at(clock.now)})
    assert browser.get(OWN).status_code == 200


def test_wrong_passwords_are_limited(client_of, colleague, clock) -> None:
    browser = client_of(colleague)
    told = [browser.post(CONFIRM, {"password": "wrong"}).status_code for _ in range(6)]
    assert told == [200] * 5 + [429]


def test_new_password_proves_it(client_of, colleague, clock) -> None:
    browser = client_of(colleague)
    clock.now += 3600
    new = "another-long-pass-phrase"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    browser.post("/accounts/password/", form)
    assert browser.get(OWN).status_code == 200
