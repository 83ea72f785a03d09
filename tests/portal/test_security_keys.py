"""Security keys: added, used to sign in and to show who one is, named, removed; and what is no answer."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pyotp
import pytest
from django.test import Client

from cases.models import AuditEvent
from portal.accounts import proof, second_factor, security_keys
from portal.accounts.models import RecoveryCode, SecondFactor, SecurityKey
from tests.cast import PASSWORD
from tests.support.security_key import MadeKey, asked

pytestmark = pytest.mark.both_databases

SIGN_IN, SECOND_STEP, CONFIRM = "/accounts/sign-in/", "/accounts/sign-in/code/", "/accounts/confirm/"
OWN, APP = "/accounts/second-factor/", "/accounts/second-factor/app/"
ADD = f"{OWN}keys/add/"
CODES = re.compile(r'<code class="secret">([a-z2-9]{5}-[a-z2-9]{5})</code>')


def here(client: Client) -> Client:
    """A browser that has opened the portal where keys work."""
    client.defaults["HTTP_HOST"] = "localhost"
    return client


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def add(client: Client, made: MadeKey, name: str = "Office", **seen: str):
    return client.post(ADD, {"name": name, "credential": made.answer_new(text_of(client, ADD), **seen)})


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def actions() -> list[str]:
    found = AuditEvent.objects.filter(action__startswith="user.").order_by("at")
    return list(found.values_list("action", flat=True))


@pytest.fixture
def browser(client_of, colleague) -> Client:
    return here(client_of(colleague))


@pytest.fixture
def key(browser) -> SimpleNamespace:
    """The colleague's, with the row that it has and the recovery codes that came along."""
    made = MadeKey()
    codes = CODES.findall(add(browser, made).content.decode())
    return SimpleNamespace(made=made, row=SecurityKey.objects.get(), codes=codes)


@pytest.fixture
def half_way(client, colleague, key) -> Client:
    """A browser in which the colleague has given the password."""
    browser = here(client)
    browser.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD})
    return browser


def test_first_key_brings_recovery_codes_and_a_second_one_none(browser, colleague, key) -> None:
    assert (key.row.user, key.row.name, key.row.uses, key.row.used_at) == (colleague, "Office", 1, None)
    assert len(set(key.codes)) == 10
    added = AuditEvent.objects.get(action="user.security_key_added")
    assert (added.actor, added.subject_type, added.subject) == (colleague, "securitykey", str(key.row.pk))
    assert proof.was_by_code(browser)
    assert [each["type"] for each in asked(text_of(browser, ADD))["excludeCredentials"]] == ["public-key"]
    assert add(browser, MadeKey(b"another"), "Home").url == OWN
    assert second_factor.codes_left(colleague) == 10
    page = text_of(browser, OWN)
    assert page.index('value="Office"') < page.index('value="Home"')
    assert "10 recovery codes are left" in page


def test_page_asks_for_this_portals_key_and_names_no_more_of_the_person_than_the_browser_shows(
    browser, colleague
) -> None:
    question = asked(text_of(browser, ADD))
    assert question["rp"] == {"name": "SecondRead", "id": "localhost"}
    assert (question["user"]["name"], question["user"]["displayName"]) == (colleague.email, str(colleague))
    assert question["authenticatorSelection"] == {
        "residentKey": "discouraged",
        "requireResidentKey": False,
        "userVerification": "discouraged",
    }
    assert question["challenge"] != asked(text_of(browser, ADD))["challenge"]


@pytest.mark.parametrize(
    "seen",
    [{"origin": "https://portal.evil.example"}, {"origin": "http://localhost:81"}, {"host": "evil.example"}],
)
def test_key_that_answered_a_page_elsewhere_is_not_added(browser, seen) -> None:
    assert "could not be added" in add(browser, MadeKey(), **seen).content.decode()
    assert not SecurityKey.objects.exists()
    assert not RecoveryCode.objects.exists()


def test_answer_is_taken_once_and_only_to_what_was_asked_last(browser) -> None:
    first = text_of(browser, ADD)
    text_of(browser, ADD)
    form = {"name": "Old", "credential": MadeKey(b"old").answer_new(first)}
    assert "could not be added" in browser.post(ADD, form).content.decode()
    form = {"name": "New", "credential": MadeKey(b"new").answer_new(text_of(browser, ADD))}
    assert browser.post(ADD, form).status_code == 200
    assert "could not be added" in browser.post(ADD, form | {"name": "Again"}).content.decode()
    assert [each.name for each in SecurityKey.objects.all()] == ["New"]


def test_key_of_another_person_is_not_added(browser, key, client_of, second) -> None:
    assert "could not be added" in add(here(client_of(second)), key.made).content.decode()
    assert not second_factor.has(second)
    assert not RecoveryCode.objects.filter(user=second).exists()


NO_ANSWERS = (
    "",
    "{}",
    "[]",
    "null",
    "no json",
    "[" * 9000,
    '{"rawId": 1}',
    '{"rawId": "AA", "response": {}}',
)


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_what_is_no_answer_adds_nothing_and_opens_nothing(browser, half_way, key, answer) -> None:
    text_of(browser, ADD)
    assert browser.post(ADD, {"name": "New", "credential": answer}).status_code == 200
    text_of(half_way, SECOND_STEP)
    page = half_way.post(SECOND_STEP, {"credential": answer}).content.decode()
    assert "The security key was not recognised." in page
    assert not is_signed_in(half_way)
    assert SecurityKey.objects.count() == 1


def test_part_of_an_answer_that_is_damaged_opens_nothing(half_way, key) -> None:
    for part in ("clientDataJSON", "authenticatorData", "signature"):
        said = json.loads(key.made.answer(text_of(half_way, SECOND_STEP)))
        said["response"][part] = said["response"][part][:-8]
        half_way.post(SECOND_STEP, {"credential": json.dumps(said)})
        assert not is_signed_in(half_way)


def test_sign_in_with_a_key_counts_its_use_and_is_on_record(half_way, key) -> None:
    page = text_of(half_way, f"{SECOND_STEP}?next=/cases/upload/")
    assert [each["id"] for each in asked(page)["allowCredentials"]] == ["YSBrZXk"]
    assert '<input type="hidden" name="next" value="/cases/upload/">' in page
    form = {"credential": key.made.answer(page), "next": "/cases/upload/"}
    assert half_way.post(SECOND_STEP, form).url == "/cases/upload/"
    assert is_signed_in(half_way)
    assert proof.was_by_code(half_way)
    key.row.refresh_from_db()
    assert key.row.uses == 2
    assert key.row.used_at is not None
    assert actions() == ["user.security_key_added", "user.security_key_used"]


@pytest.mark.parametrize("seen", [{"origin": "https://localhost"}, {"host": "other.example"}])
def test_answer_from_elsewhere_is_refused_and_on_record(half_way, colleague, key, seen) -> None:
    answer = key.made.answer(text_of(half_way, SECOND_STEP), **seen)
    assert "was not recognised" in half_way.post(SECOND_STEP, {"credential": answer}).content.decode()
    assert not is_signed_in(half_way)
    refused = AuditEvent.objects.get(action="user.security_key_refused")
    assert (refused.actor, refused.subject) == (colleague, str(colleague.pk))
    key.row.refresh_from_db()
    assert key.row.uses == 1


def test_answer_opens_once(half_way, colleague, key) -> None:
    form = {"credential": key.made.answer(text_of(half_way, SECOND_STEP))}
    assert half_way.post(SECOND_STEP, form).status_code == 302
    half_way.post("/accounts/sign-out/")
    half_way.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD})
    text_of(half_way, SECOND_STEP)
    half_way.post(SECOND_STEP, form)
    assert not is_signed_in(half_way)


def test_key_of_somebody_else_opens_nothing(half_way, key, client_of, second) -> None:
    theirs = MadeKey(b"theirs")
    add(here(client_of(second)), theirs)
    half_way.post(SECOND_STEP, {"credential": theirs.answer(text_of(half_way, SECOND_STEP))})
    assert not is_signed_in(half_way)


def test_copy_of_a_key_that_counts_is_refused_once_the_key_was_used(half_way, key) -> None:
    SecurityKey.objects.update(uses=7)
    key.made.uses = 6
    half_way.post(SECOND_STEP, {"credential": key.made.answer(text_of(half_way, SECOND_STEP))})
    assert not is_signed_in(half_way)
    half_way.post(SECOND_STEP, {"credential": key.made.answer(text_of(half_way, SECOND_STEP))})
    assert is_signed_in(half_way)


def test_passkey_that_does_not_count_opens_again_and_again(browser, colleague) -> None:
    made = MadeKey(counts=False)
    add(browser, made)
    for _ in range(2):
        other = here(Client())
        other.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD})
        other.post(SECOND_STEP, {"credential": made.answer(text_of(other, SECOND_STEP))})
        assert is_signed_in(other)


def test_wrong_answers_are_limited_with_wrong_codes(half_way, key) -> None:
    told = [half_way.post(SECOND_STEP, {"credential": "{}"}).status_code for _ in range(3)]
    told += [half_way.post(SECOND_STEP, {"code": "000000"}).status_code for _ in range(2)]
    assert told == [200] * 5
    form = {"credential": key.made.answer(text_of(half_way, SECOND_STEP))}
    limited = half_way.post(SECOND_STEP, form)
    assert limited.status_code == 429
    assert "Too many attempts have failed." in limited.content.decode()
    assert not is_signed_in(half_way)


def test_recovery_code_stands_in_for_the_key(half_way, key) -> None:
    page = text_of(half_way, SECOND_STEP)
    assert "One of your recovery codes." in page
    half_way.post(SECOND_STEP, {"code": key.codes[0]})
    assert is_signed_in(half_way)


@pytest.mark.parametrize(
    ("host", "more", "works"),
    [
        ("localhost", {}, True),
        ("portal.localhost:8000", {}, True),
        ("127.0.0.1:8000", {}, False),
        ("[::1]:8000", {"secure": True}, False),
        ("portal.example.org", {}, False),
        ("portal.example.org", {"secure": True}, True),
    ],
)
def test_keys_are_asked_for_where_browsers_let_them_be(rf, host, more, works) -> None:
    assert security_keys.work_at(rf.get("/", headers={"host": host}, **more)) is works


def test_where_no_key_works_the_pages_say_so_and_codes_do(browser, half_way, key) -> None:
    for client in (browser, half_way):
        client.defaults["HTTP_HOST"] = "127.0.0.1:8000"
    page = text_of(browser, ADD)
    assert "data-asked" not in page
    assert "opened by its name, over https" in page
    assert 'href="http://localhost:8000/accounts/second-factor/keys/add/"' in page
    browser.defaults["HTTP_HOST"] = "portal.example.org"
    assert "http://localhost" not in text_of(browser, ADD)
    page = text_of(half_way, SECOND_STEP)
    assert "data-asked" not in page
    assert "do not work at this address" in page
    assert half_way.post(SECOND_STEP, {"code": key.codes[0]}).status_code == 302


# --- One's own --------------------------------------------------------------------------


def test_name_is_changed_and_no_key_is_without_one(browser, key) -> None:
    address = f"{OWN}keys/{key.row.pk}/rename/"
    assert browser.post(address, {"name": "At home"}).url == OWN
    for name in ("", " ", "x" * 61):
        browser.post(address, {"name": name})
    key.row.refresh_from_db()
    assert key.row.name == "At home"
    assert actions() == ["user.security_key_added", "user.security_key_renamed"]


def test_last_key_takes_the_recovery_codes_along_and_the_password_alone_opens(
    browser, client, colleague, key
) -> None:
    assert browser.post(f"{OWN}keys/{key.row.pk}/remove/").url == OWN
    assert not SecurityKey.objects.exists()
    assert not RecoveryCode.objects.exists()
    removed = AuditEvent.objects.get(action="user.security_key_removed")
    assert (removed.actor, removed.subject) == (colleague, str(key.row.pk))
    assert client.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD}).url == "/cases/"


@pytest.mark.parametrize("act", ["rename", "remove"])
def test_key_of_another_person_is_not_to_be_found(client_of, second, key, act) -> None:
    answer = client_of(second).post(f"{OWN}keys/{key.row.pk}/{act}/", {"name": "Mine"})
    assert answer.status_code == 404
    key.row.refresh_from_db()
    assert key.row.name == "Office"


def test_one_person_has_no_more_than_twenty(browser, colleague, key) -> None:
    SecurityKey.objects.bulk_create(
        SecurityKey(user=colleague, name=f"{n}", handle=f"{n}", credential=key.row.credential)
        for n in range(security_keys.MOST - 1)
    )
    assert browser.get(ADD).url == OWN
    assert browser.post(ADD, {"name": "One more", "credential": "{}"}).url == OWN
    assert "You have 20 security keys" in text_of(browser, OWN)


def test_app_beside_a_key_keeps_the_recovery_codes_and_goes_alone(browser, colleague, key) -> None:
    (secret,) = re.findall(r'<code class="secret">(\w{32})</code>', text_of(browser, APP))
    assert browser.post(APP, {"code": pyotp.TOTP(secret).now()}).url == OWN
    assert second_factor.is_right(colleague, key.codes[0])
    assert browser.get(APP).url == OWN
    assert browser.post(f"{APP}end/").url == OWN
    assert not SecondFactor.objects.exists()
    assert second_factor.has(colleague)
    assert second_factor.codes_left(colleague) == 9
    assert "user.second_factor_app_ended" in actions()


def test_end_takes_keys_and_codes(browser, colleague, key) -> None:
    browser.post(f"{OWN}end/")
    assert not second_factor.has(colleague)
    assert not RecoveryCode.objects.exists()
    assert actions()[-1] == "user.second_factor_ended"


def test_what_could_open_the_account_asks_for_the_key_after_a_quarter_of_an_hour(
    browser, key, monkeypatch
) -> None:
    later = proof.time.time() + 3600
    monkeypatch.setattr(proof, "time", SimpleNamespace(time=lambda: later))
    for address in (OWN, ADD, APP):
        assert browser.get(address).url.startswith(CONFIRM)
    for act in ("remove", "rename"):
        assert browser.post(f"{OWN}keys/{key.row.pk}/{act}/", {"name": "x"}).url.startswith(CONFIRM)
    assert SecurityKey.objects.get().name == "Office"
    browser.post(CONFIRM, {"password": PASSWORD})
    assert browser.get(OWN).url.startswith(CONFIRM)
    form = {"credential": key.made.answer(text_of(browser, CONFIRM)), "next": OWN}
    assert browser.post(CONFIRM, form).url == OWN
    assert browser.get(OWN).status_code == 200


# --- Where a role needs one ----------------------------------------------------------------


def test_role_that_needs_a_second_factor_is_content_with_a_key_and_keeps_the_last(
    browser, colleague, settings
) -> None:
    settings.SECOND_FACTOR_FOR = ["radiologist"]
    assert browser.get("/cases/").url == OWN
    assert "Add a security key instead" in text_of(browser, OWN)
    add(browser, MadeKey())
    assert browser.get("/cases/").status_code == 200
    address = f"{OWN}keys/{SecurityKey.objects.get().pk}/remove/"
    browser.post(address)
    assert "Add another one before this one goes." in text_of(browser, OWN)
    assert SecurityKey.objects.count() == 1
    assert RecoveryCode.objects.count() == 10
    assert actions() == ["user.security_key_added"]
    add(browser, MadeKey(b"another"))
    browser.post(address)
    assert SecurityKey.objects.count() == 1


def test_session_without_a_factor_of_somebody_who_has_a_key_is_asked_for_it(colleague, key, settings) -> None:
    settings.SECOND_FACTOR_FOR = ["radiologist"]
    other = here(Client())
    other.force_login(colleague)
    asks = other.get("/cases/").url
    assert asks == f"{CONFIRM}?next=%2Fcases%2F"
    form = {"credential": key.made.answer(text_of(other, asks)), "next": "/cases/"}
    assert other.post(CONFIRM, form).url == "/cases/"
    assert other.get("/cases/").status_code == 200
