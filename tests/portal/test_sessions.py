"""Sessions: their two ends, and the page on which somebody sees and ends their own."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts import sessions
from portal.accounts.models import Session
from portal.accounts.tasks import clear_sessions
from portal.session_seen import ASKED_BY_ITSELF, RENEWED
from portal.settings.env import BASE_DIR
from tests.cast import PASSWORD

pytestmark = pytest.mark.both_databases

PAGE, END = "/accounts/sessions/", "/accounts/sessions/end/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
IPAD = "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1"


def browser_of(user, agent: str = FIREFOX) -> Client:
    client = Client(headers={"User-Agent": agent})
    client.post("/accounts/sign-in/", {"username": user.email, "password": PASSWORD})
    return client


def row_of(client: Client) -> Session:
    return Session.objects.get(session_key=client.cookies["sessionid"].value)


def is_in(client: Client, address: str = "/accounts/password/") -> bool:
    return client.get(address).status_code == 200


def seen(client: Client, ago: timedelta) -> None:
    Session.objects.filter(session_key=row_of(client).session_key).update(seen_at=timezone.now() - ago)


def test_session_says_whose_it_is_on_what_and_since_when(colleague) -> None:
    browser = browser_of(colleague)
    row = row_of(browser)
    assert (row.user, row.device) == (colleague, "Firefox, Windows")
    for at in (row.started_at, row.seen_at):
        assert abs(timezone.now() - at) < timedelta(seconds=10)
    assert int(browser.cookies["sessionid"]["max-age"]) == pytest.approx(8 * 3600, abs=2)


def test_session_ends_eight_hours_after_the_sign_in_whatever_is_done(colleague) -> None:
    browser = browser_of(colleague)
    end = row_of(browser).expire_date
    assert end - row_of(browser).started_at == pytest.approx(timedelta(hours=8), abs=timedelta(seconds=2))
    session = browser.session
    session["anything"] = 1
    session.save()
    assert row_of(browser).expire_date == end
    assert row_of(browser).user == colleague
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_in(browser)


def test_session_ends_an_hour_after_the_last_thing_that_was_done(colleague) -> None:
    browser = browser_of(colleague)
    seen(browser, timedelta(minutes=59))
    assert is_in(browser)
    assert timezone.now() - row_of(browser).seen_at < timedelta(seconds=10)
    seen(browser, timedelta(minutes=60))
    assert not is_in(browser)


def test_idle_time_is_a_setting(colleague, settings) -> None:
    settings.SESSION_IDLE_SECONDS = 60
    browser = browser_of(colleague)
    seen(browser, timedelta(seconds=61))
    assert not is_in(browser)


def test_what_a_page_asks_by_itself_keeps_no_session_open(ready_case, colleague) -> None:
    browser = browser_of(colleague)
    seen(browser, timedelta(minutes=30))
    for address in ("/cases/live/", "/cases/states/", f"/cases/{ready_case.code}/status/"):
        assert is_in(browser, address)
    browser.get("/dashboard/snapshots/", headers={"HX-Request": "true"})
    assert timezone.now() - row_of(browser).seen_at > timedelta(minutes=29)


# A tag that asks again and again, or once it is there; and parts/asks_again.html with an address that the
# page has named, or with its own.
ASKING = re.compile(r'hx-get="{% url "([a-z:-]+)"[^>]*?hx-trigger="[^"]*?(?:every|load)', re.DOTALL)
ASKING_PART = re.compile(r'{% include "parts/asks_again.html" with url=([a-z_.]+)')
OWN_ADDRESS = "request.get_full_path"


def test_whatever_a_template_asks_by_itself_is_among_that() -> None:
    folder = BASE_DIR / "templates"
    found, renewed = set(), set()
    for page in folder.rglob("*.html"):
        text = page.read_text()
        found.update(ASKING.findall(text))
        for named in ASKING_PART.findall(text):
            if named == OWN_ADDRESS:
                renewed.add(str(page.relative_to(folder)))
            else:
                found.update(re.findall(rf'{{% url "([a-z:-]+)"[^%]* as {named} %}}', text) or [page.name])
    assert found == ASKED_BY_ITSELF - {"cases:hold"}  # which a script posts
    assert {"dashboard:evidence", "export:snapshots"} == RENEWED
    assert renewed == {"evidence/evidence.html", "export/snapshots.html"}


def test_use_is_stored_once_a_minute(colleague, django_assert_num_queries) -> None:
    browser = browser_of(colleague)
    seen(browser, timedelta(seconds=50))
    with django_assert_num_queries(3):  # session, user and roles
        browser.get("/help/radiologist/", follow=False)
    seen(browser, timedelta(seconds=70))
    with django_assert_num_queries(4):
        browser.get("/help/radiologist/")


def test_visitor_has_no_session_and_none_is_noted(client, db) -> None:
    client.get("/accounts/sign-in/")
    assert not Session.objects.exists()


def test_page_lists_ones_own_sessions_alone(colleague, second) -> None:
    here, there = browser_of(colleague), browser_of(colleague, IPAD)
    browser_of(second, EDGE)
    seen(there, timedelta(minutes=61))
    assert "iPad" not in here.get(PAGE).content.decode()
    seen(there, timedelta(minutes=5))
    page = here.get(PAGE).content.decode()
    assert page.index("Firefox, Windows") < page.index("Safari, iPad")
    assert page.count("This one") == 1
    assert "Edge, Linux" not in page
    for key in Session.objects.values_list("session_key", flat=True):
        assert key not in page


def test_end_ends_the_named_session_at_once(colleague) -> None:
    here, there = browser_of(colleague), browser_of(colleague, IPAD)
    (name,) = re.findall(r'name="session" value="(\w{16})"', here.get(PAGE).content.decode())
    answer = here.post(END, {"session": name}, follow=True).content.decode()
    assert "1 session is ended." in answer
    assert is_in(here)
    assert not is_in(there)


def test_end_without_a_name_ends_all_others(colleague, second) -> None:
    here, there, elsewhere = (browser_of(colleague) for _ in range(3))
    other = browser_of(second)
    assert "2 sessions are ended." in here.post(END, follow=True).content.decode()
    assert [is_in(each) for each in (here, there, elsewhere, other)] == [True, False, False, True]


def test_session_of_another_is_not_ended(colleague, second) -> None:
    here, other = browser_of(colleague), browser_of(second)
    here.post(END, {"session": sessions.name_of(row_of(other).session_key)})
    assert is_in(other)


def test_new_password_keeps_this_session_and_ends_the_others(colleague) -> None:
    here, there = browser_of(colleague), browser_of(colleague)
    new = "another-long-pass-phrase"
    here.post("/accounts/password/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new})
    assert (is_in(here), is_in(there)) == (True, False)
    assert row_of(here).device == "Firefox, Windows"


def test_sessions_that_have_ended_are_forgotten(colleague, second) -> None:
    idle, over, here = browser_of(colleague), browser_of(colleague), browser_of(second)
    seen(idle, timedelta(minutes=61))
    past = timezone.now() - timedelta(seconds=1)
    Session.objects.filter(session_key=row_of(over).session_key).update(expire_date=past)
    clear_sessions()
    assert Session.objects.get() == row_of(here)


@pytest.mark.parametrize(
    ("agent", "told"),
    [(FIREFOX, "Firefox, Windows"), (EDGE, "Edge, Linux"), (IPAD, "Safari, iPad"), ("curl/8", ""), ("", "")],
)
def test_device_is_browser_and_system(agent, told) -> None:
    assert sessions.device_of(agent) == told
