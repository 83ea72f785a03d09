"""Who guesses waits: by person, address and network; and nobody keeps a colleague out from elsewhere."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from cases.people.invitations import invite
from cases.roles import Role
from portal.accounts import forms, hashing, limiter, origin
from portal.accounts.background import later
from portal.accounts.models import FailedAttempts
from portal.accounts.origin import client_address, network_of, origin_of
from portal.accounts.refusals import TooBusy
from tests.cast import PASSWORD, UNKNOWN_ID, token_of

pytestmark = pytest.mark.both_databases

SIGN_IN, RESET, CHANGE = "/accounts/sign-in/", "/accounts/password/reset/", "/accounts/password/"
HOME, AWAY = "192.0.2.7", "203.0.113.9"
HERE = limiter.Limits().here


def at(address: str, client: Client | None = None) -> Client:
    """A browser behind this address; with `client`, one that has its cookies."""
    browser = Client(REMOTE_ADDR=address, raise_request_exception=False)
    browser.cookies = client.cookies if client else browser.cookies
    return browser


def sign_in(client: Client, email: str, password: str = PASSWORD):
    return client.post(SIGN_IN, {"username": email, "password": password})


def signed_in_before(address: str, email: str) -> Client:
    """A browser on which the person has signed in, and out again."""
    browser = at(address)
    assert sign_in(browser, email).status_code == 302
    browser.post("/accounts/sign-out/")
    return browser


def failures(client: Client, email: str, number: int = HERE) -> None:
    for _ in range(number):
        sign_in(client, email, "wrong")


def counted(door: str, number: int, *, address: str, people: int) -> None:
    """As if so many people had failed `number` times each behind the address."""
    where = origin_of(RequestFactory(REMOTE_ADDR=address).get("/"))
    FailedAttempts.objects.bulk_create(
        FailedAttempts(
            door=door,
            who=limiter.person(f"{address} {each}"),
            place=where.place,
            network=where.network,
            failures=number,
            last_at=timezone.now(),
        )
        for each in range(people)
    )


def refused(response, minutes: int = 15) -> bool:
    """Whether it is told to wait, in a header and in words."""
    if response.status_code != 429:
        return False
    seconds = int(response["Retry-After"])
    assert 0 < seconds <= minutes * 60
    assert f"{-(-seconds // 60)} min" in response.content.decode()
    return True


# --- Signing in ----------------------------------------------------------------


def test_who_failed_too_often_waits_there_and_comes_in_from_elsewhere(colleague) -> None:
    failures(at(AWAY), colleague.email)
    assert refused(sign_in(at(AWAY), colleague.email))
    assert sign_in(at(HOME), colleague.email).status_code == 302


def test_others_behind_the_same_address_are_let_in(colleague, second) -> None:
    failures(at(HOME), colleague.email)
    assert sign_in(at(HOME), second.email).status_code == 302


@pytest.mark.parametrize(
    ("failing", "asking", "each", "people"),
    [
        (AWAY, AWAY, HERE, 10),
        ("203.0.113.1", AWAY, HERE, 40),
        ("2001:db8:0:1::1", "2001:db8:0:1::2", HERE, 40),
    ],
    ids=["address", "network", "IPv6 network"],
)
def test_many_people_who_fail_close_the_door_there_alone(failing, asking, each, people, colleague) -> None:
    counted(limiter.SIGN_IN, each, address=failing, people=people)
    assert refused(sign_in(at(asking), colleague.email))
    assert sign_in(at("198.51.100.1"), colleague.email).status_code == 302


def test_neighbours_of_an_address_that_is_closed_are_let_in(colleague) -> None:
    counted(limiter.SIGN_IN, HERE, address="203.0.113.1", people=10)
    assert sign_in(at(AWAY), colleague.email).status_code == 302


def test_browser_that_the_person_has_signed_in_on_is_let_in_whatever_others_do(colleague, second) -> None:
    own = signed_in_before(HOME, colleague.email)
    counted(limiter.SIGN_IN, HERE, address=HOME, people=50)
    request = RequestFactory(REMOTE_ADDR=AWAY).get("/")
    row = limiter.attempt(request, limiter.SIGN_IN, colleague.email)
    FailedAttempts.objects.filter(who=row.who).update(failures=limiter.Limits().person)
    assert refused(sign_in(at("198.51.100.1"), colleague.email))
    assert refused(sign_in(own, second.email))
    assert sign_in(own, colleague.email).status_code == 302


def test_browser_that_is_known_is_counted_as_such(colleague) -> None:
    own = signed_in_before(HOME, colleague.email)
    failures(own, colleague.email)
    assert refused(sign_in(at(AWAY, own), colleague.email))
    assert sign_in(at(HOME), colleague.email).status_code == 302


def test_cookie_of_a_browser_that_is_forged_says_nothing(colleague) -> None:
    own = at(HOME)
    own.cookies["device"] = "WyJhIiwiYiJd:1abc:forged"
    failures(own, colleague.email)
    assert refused(sign_in(at(HOME), colleague.email))


def test_cookie_of_a_browser_names_nobody(colleague) -> None:
    cookie = sign_in(Client(), colleague.email).cookies["device"]
    assert "colleague" not in cookie.value
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/accounts/")


def test_waiting_ends_when_it_was_said_to_however_often_one_tries_meanwhile(colleague) -> None:
    client = at(AWAY)
    failures(client, colleague.email)
    FailedAttempts.objects.update(last_at=FailedAttempts.objects.get().last_at - timedelta(minutes=14))
    assert refused(sign_in(client, colleague.email), minutes=1)
    FailedAttempts.objects.update(last_at=FailedAttempts.objects.get().last_at - timedelta(minutes=1))
    assert sign_in(client, colleague.email).status_code == 302


def test_counts_are_stored_without_what_was_typed_and_deleted_when_they_are_over(client, db, caplog) -> None:
    failures(client, "My-Pass-Phrase@example.org", 2)
    (row,) = FailedAttempts.objects.values()
    assert row["failures"] == 2
    for kept in (str(row).lower(), caplog.text.lower()):
        assert "my-pass-phrase" not in kept
        assert "127.0.0.1" not in kept
    FailedAttempts.objects.update(last_at=row["last_at"] - limiter.WINDOW)
    failures(client, "nobody@example.org", 1)
    assert FailedAttempts.objects.count() == 1


# --- The other doors -----------------------------------------------------------


def test_mails_of_new_passwords_are_limited_the_same_for_known_and_unknown(colleague, mailoutbox) -> None:
    for email in (colleague.email, "nobody@example.org"):
        answers = [at(AWAY).post(RESET, {"email": email}).status_code for _ in range(HERE)]
        assert answers == [302] * HERE
        assert refused(at(AWAY).post(RESET, {"email": email}))
    later(lambda: None).result()
    assert len(mailoutbox) == HERE
    assert at(HOME).post(RESET, {"email": colleague.email}).status_code == 302


def test_reset_does_the_same_for_an_unknown_address_as_for_a_known_one(colleague, monkeypatch) -> None:
    """The same questions to the database; what is different waits in a thread until the answer is out."""
    answered, told = threading.Event(), []
    monkeypatch.setattr(forms, "send_mail", lambda *mail: told.append((answered.wait(10), mail)))
    asked = []
    for email in (colleague.email, "nobody@example.org"):
        with CaptureQueriesContext(connection) as queries:
            assert Client().post(RESET, {"email": email}).status_code == 302
        asked.append([query["sql"].split()[0] for query in queries])
    assert asked[0] == asked[1]
    answered.set()
    later(lambda: None).result()
    ((waited, mail),) = told
    assert (waited, mail[3]) == (True, [colleague.email])


def test_mail_that_cannot_be_sent_is_logged_without_the_address(colleague, monkeypatch, caplog) -> None:
    def refuse(*mail: object) -> None:
        raise OSError(f"no such mailbox: {colleague.email}")

    monkeypatch.setattr(forms, "send_mail", refuse)
    assert Client().post(RESET, {"email": colleague.email}).status_code == 302
    later(lambda: None).result()
    assert f"The mail of a new password for {colleague.pk}: OSError" in caplog.text
    assert colleague.email not in caplog.text


def test_old_password_is_guessed_a_few_times_and_right_from_elsewhere(colleague) -> None:
    wrong = {"old_password": "wrong", "new_password1": "x", "new_password2": "x"}
    new = {
        "old_password": PASSWORD,
        "new_password1": "a-new-long-phrase",
        "new_password2": "a-new-long-phrase",
    }
    client = at(AWAY)
    client.force_login(colleague)
    assert [client.post(CHANGE, wrong).status_code for _ in range(HERE)] == [200] * HERE
    assert refused(client.post(CHANGE, new))
    assert at(HOME, client).post(CHANGE, new).status_code == 302


def test_admin_changes_passwords_by_the_page_that_counts(client_of, administrator) -> None:
    administrator.is_staff = True
    administrator.save()
    assert client_of(administrator).get("/admin/password_change/").url == CHANGE


def test_links_that_open_nothing_are_limited_and_a_right_one_is_not(administrator, cohort) -> None:
    issued = invite(by=administrator, cohort=cohort, email="new@example.org", role=Role.RADIOLOGIST)
    told = [at(AWAY).get("/accounts/invitation/wrong/").status_code for _ in range(20)]
    assert told == [410] * 20
    assert refused(at(AWAY).get("/accounts/invitation/wrong/"))
    counted(limiter.LINK, HERE, address=AWAY, people=20)
    assert refused(at(AWAY).get("/accounts/invitation/another/"))
    assert refused(at(AWAY).get("/accounts/password/reset/MQ/abc-def/"))
    assert at(AWAY).get(f"/accounts/invitation/{issued.secret}/").status_code == 200
    assert at(HOME).get("/accounts/invitation/wrong/").status_code == 410


def test_tokens_that_open_nothing_are_limited_and_a_right_one_is_not(colleague) -> None:
    right = token_of(colleague)

    def ask(token: str, address: str = AWAY):
        return APIClient(REMOTE_ADDR=address).get("/api/v1/cases/", HTTP_AUTHORIZATION=f"Token {token}")

    def told(token: str) -> list[int]:
        return [ask(*asked).status_code for asked in ((token,), (right,), ("wrong", HOME))]

    assert [ask("wrong").status_code for _ in range(10)] == [401] * 10
    limited = ask("wrong")
    assert (limited.status_code, limited.json()["code"]) == (429, "throttled")
    assert 0 < int(limited["Retry-After"]) <= 900
    assert (ask("other").status_code, ask(right).status_code, ask("wrong", HOME).status_code) == (
        401,
        200,
        401,
    )
    counted(limiter.TOKEN, HERE, address=AWAY, people=10)
    assert (ask("third").status_code, ask(right).status_code, ask("third", HOME).status_code) == (
        429,
        200,
        401,
    )


def test_token_that_is_no_text_is_a_wrong_one(db) -> None:
    answer = APIClient().get("/api/v1/cases/", HTTP_AUTHORIZATION="Token \xff\xfe")
    assert answer.status_code == 401


# --- Whose address -------------------------------------------------------------


@pytest.mark.parametrize(
    ("peer", "claimed", "found"),
    [
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("172.18.0.5", "192.0.2.1", "192.0.2.1"),
        ("172.18.0.5", "198.51.100.1, 192.0.2.1", "192.0.2.1"),
        ("172.18.0.5", "", "172.18.0.5"),
        ("172.18.0.5", "unknown", "172.18.0.5"),
        ("::ffff:172.18.0.5", "2001:db8::1", "2001:db8::1"),
        ("", "192.0.2.1", "None"),
    ],
)
def test_address_is_the_one_that_a_trusted_proxy_saw(peer, claimed, found, settings) -> None:
    settings.TRUSTED_PROXIES = ["172.16.0.0/12", "::1"]
    request = RequestFactory(REMOTE_ADDR=peer).get("/", headers={"X-Forwarded-For": claimed})
    assert str(client_address(request)) == found


def test_claim_is_not_believed_where_no_proxy_is_named(colleague) -> None:
    for number in range(HERE):
        client = Client(REMOTE_ADDR=AWAY, headers={"X-Forwarded-For": f"192.0.2.{number}"})
        sign_in(client, colleague.email, "wrong")
    assert refused(sign_in(at(AWAY), colleague.email))


def test_network_is_what_a_provider_gives_one_customer() -> None:
    networks = [network_of(origin._address(text)) for text in ("192.0.2.77", "2001:db8:1:2:3:4:5:6")]
    assert networks == ["192.0.2.0/24", "2001:db8:1:2::/64"]


# --- Many at once --------------------------------------------------------------


@pytest.fixture
def real_hasher(settings):
    """Argon2 as it is in use, of little memory."""
    settings.PASSWORD_HASHERS = ["portal.accounts.hashing.BoundedArgon2PasswordHasher"]


def test_few_passwords_are_checked_at_once(monkeypatch) -> None:
    """24 sign-ins at once: each waits for its turn, and all are answered."""
    running, most = [], []
    lock = threading.Lock()

    def check(self: object, *given: str) -> str:
        with lock:
            running.append(1)
            most.append(len(running))
        pause.wait(0.005)
        with lock:
            running.pop()
        return "hash"

    pause = threading.Event()
    monkeypatch.setattr("django.contrib.auth.hashers.Argon2PasswordHasher.encode", check)
    hasher = hashing.BoundedArgon2PasswordHasher()
    threads = [threading.Thread(target=hasher.encode, args=("word", "salt")) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(most), max(most)) == (24, 2)


def test_sign_in_that_waits_too_long_is_told_to_come_again_and_not_counted(
    colleague, real_hasher, monkeypatch
) -> None:
    monkeypatch.setattr(hashing, "_turns", SimpleNamespace(acquire=lambda **_: False))
    for email in (colleague.email, "nobody@example.org"):
        page = sign_in(at(HOME), email)
        assert (page.status_code, page["Retry-After"]) == (503, "5")
        assert "Too many people sign in at this moment" in page.content.decode()
    assert not FailedAttempts.objects.filter(failures__gt=0).exists()


def test_turn_is_free_again_whatever_the_check_raises(monkeypatch) -> None:
    monkeypatch.setattr(hashing, "WAIT_SECONDS", 0)
    hasher = hashing.BoundedArgon2PasswordHasher()
    for _ in range(5):
        with pytest.raises(UnicodeEncodeError):
            hasher.encode("\ud800", "salt")
    turns = [hashing._turn() for _ in range(3)]
    with turns[0], turns[1], pytest.raises(TooBusy), turns[2]:
        raise AssertionError(UNKNOWN_ID)
