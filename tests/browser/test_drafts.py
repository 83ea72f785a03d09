"""Words are kept until the server has them, and belong to who typed them, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from cases.models import Case, Draft, FirstRead
from portal.accounts.models import User
from tests.browser.signing_in import sign_in, sign_in_by_form
from tests.browser.test_blinded_reading import press

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_canvas")]
KEPT = "Object.keys(localStorage).filter((name) => name.startsWith('secondread.draft.'))"


def kept(page: Page) -> list[str]:
    """The drafts in the browser, once the page's modules have run."""
    page.wait_for_load_state("load")
    names: list[str] = page.evaluate(KEPT)
    return names


@pytest.fixture
def case(submit: Callable[..., Case], analyse_as: Callable[..., None], blinded: object) -> Case:
    fresh = submit(seed=1)
    analyse_as(fresh)
    return fresh


@pytest.fixture
def address(live_server: LiveServer, case: Case) -> str:
    return f"{live_server.url}/cases/{case.code}/"


def offline(route: Route) -> None:
    if route.request.method == "POST":
        route.abort("connectionrefused")
    else:
        route.fallback()


def test_submit_that_does_not_arrive_loses_no_word(
    context: BrowserContext, live_server: LiveServer, colleague: User, address: str
) -> None:
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(address)
    page.get_by_role("radio", name="Meningioma").check()
    page.get_by_role("radio", name="4 Sure").check()
    context.route("**/cases/**", offline)
    page.get_by_label("Comment").fill("written in the tunnel")
    with page.expect_event("requestfailed", lambda request: request.is_navigation_request()):
        page.get_by_role("button", name="Commit and reveal").click()
    context.unroute("**/cases/**", offline)
    page.close()
    assert not FirstRead.objects.exists()

    page = context.new_page()
    page.goto(address)
    expect(page.get_by_label("Comment")).to_have_value("written in the tunnel")
    expect(page.get_by_role("radio", name="Meningioma")).to_be_checked()
    page.get_by_role("button", name="Commit and reveal").click()
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()
    assert FirstRead.objects.get().comment == "written in the tunnel"
    assert kept(page) == []


def test_saves_that_overlap_are_no_conflict(
    page: Page, live_server: LiveServer, colleague: User, address: str
) -> None:
    """The first answer is slow; what is typed meanwhile is saved after it."""
    held: list[Route] = []

    def slow(route: Route) -> None:
        if held:
            route.fallback()
        else:
            held.append(route)

    sign_in(page, live_server, colleague)
    page.goto(address)
    page.context.route("**/draft/", slow)
    comment = page.get_by_label("Comment")
    with page.expect_request("**/draft/"):
        comment.fill("a")
    comment.fill("ab")
    page.wait_for_timeout(1200)
    answers: list[int] = []
    page.on("response", lambda answer: answers.append(answer.status) if "/draft/" in answer.url else None)
    held[0].fallback()
    for _ in range(100):
        if len(answers) > 1:
            break
        page.wait_for_timeout(100)
    assert answers == [200, 200]
    assert Draft.objects.get().fields["comment"] == "ab"


def test_sign_out_leaves_no_draft_in_the_browser(
    page: Page, live_server: LiveServer, colleague: User, address: str
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(address)
    page.get_by_label("Comment").fill("mine")
    assert len(kept(page)) == 1
    page.get_by_text("Account of").locator("..").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert kept(page) == []
    assert Draft.objects.get().fields["comment"] == "mine"


def test_next_person_at_the_workstation_neither_sees_nor_keeps_a_draft(
    context: BrowserContext, live_server: LiveServer, colleague: User, second: User, case: Case, address: str
) -> None:
    left_open = context.new_page()
    sign_in(left_open, live_server, colleague)
    left_open.goto(address)
    context.clear_cookies(name="sessionid")
    left_open.get_by_label("Comment").fill("of the one before")
    expect(left_open.locator("#draft-state")).to_contain_text("You are signed out.")

    page = context.new_page()
    page.goto(f"{live_server.url}/accounts/sign-in/")
    assert len(kept(page)) == 1
    sign_in_by_form(page, live_server, second)
    assert kept(page) == []
    left_open.get_by_label("Comment").fill("of the one before, in a page that was left open")
    expect(left_open.locator("#draft-state")).to_contain_text("You are signed out.")
    assert not Draft.objects.exists()


def test_enter_with_ctrl_commits_from_within_the_comment(
    page: Page, live_server: LiveServer, colleague: User, address: str
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(address)
    press(page, "w", "4", "c")
    page.keyboard.type("Broad base.")
    press(page, "Control+Enter")
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()
    assert FirstRead.objects.get().comment == "Broad base."
