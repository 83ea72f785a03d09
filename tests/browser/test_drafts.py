"""Words are kept until the server has them, and belong to who typed them, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, Page, Request, Route, expect
from pytest_django.live_server_helper import LiveServer

from cases.models import Adjudication, Case, Draft, FirstRead, Protocol, Review
from portal.accounts.models import User
from tests.browser.signing_in import sign_in, sign_in_by_form
from tests.browser.test_blinded_reading import press
from tests.cast import PASSWORD

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


def sign_out(page: Page) -> None:
    page.get_by_text("Account of").locator("..").click()
    page.get_by_role("button", name="Sign out").click(no_wait_after=True)


def sign_in_here(page: Page, person: User) -> None:
    """On the page to which an ended session has led."""
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


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
    page.get_by_role("button", name="Commit and reveal").click()
    expect(page.get_by_text("The portal cannot be reached.")).to_be_visible()
    expect(page.get_by_label("Comment")).to_have_value("written in the tunnel")
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
    sign_out(page)
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert kept(page) == []
    assert Draft.objects.get().fields["comment"] == "mine"


def test_sign_out_waits_for_the_save_under_way_and_sends_none_after_it(
    page: Page, live_server: LiveServer, colleague: User, address: str
) -> None:
    """A save that comes after the sign-out would be answered 401: an error in the console, and words lost."""
    asked: list[str] = []
    held: list[Route] = []
    sign_in(page, live_server, colleague)
    page.goto(address)

    def note(request: Request) -> None:
        """What is fetched ahead for the next case comes when it comes, and is no part of the order."""
        name = PurePosixPath(urlsplit(request.url).path).name
        if name in ("draft", "sign-out"):
            asked.append(name)

    page.on("request", note)

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.context.route("**/draft/", hold)
    with page.expect_request("**/draft/"):
        page.get_by_label("Comment").fill("under way")
    page.get_by_label("Comment").fill("under way, and more")
    page.get_by_text("Account of").locator("..").click()
    page.get_by_role("button", name="Sign out").click(no_wait_after=True)
    assert "sign-out" not in asked
    held[0].continue_()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert asked == ["draft", "draft", "sign-out"]
    assert Draft.objects.get().fields["comment"] == "under way, and more"


@pytest.mark.parametrize("answer", ["no line", "403"])
def test_sign_out_that_fails_keeps_the_words(
    answer: str, context: BrowserContext, live_server: LiveServer, colleague: User, disputed: str
) -> None:
    """Nothing is dropped before the server has confirmed it; the words come back, and can still be sent."""
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(f"{disputed}amend/")
    page.get_by_label("Why do you amend your review?").fill("seen again")

    def fails(route: Route) -> None:
        if answer == "403":
            route.fulfill(status=403, body="This form is out of date")
        else:
            route.abort("connectionrefused")

    context.route("**/sign-out/", fails)
    with page.expect_request("**/sign-out/"):
        sign_out(page)
    page.goto(f"{disputed}amend/")
    expect(page.get_by_label("Why do you amend your review?")).to_have_value("seen again")
    context.unroute("**/sign-out/")
    sign_out(page)
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    assert kept(page) == []


def test_next_person_at_the_workstation_neither_sees_nor_keeps_a_draft(
    context: BrowserContext, live_server: LiveServer, colleague: User, second: User, case: Case, address: str
) -> None:
    left_open = context.new_page()
    sign_in(left_open, live_server, colleague)
    left_open.goto(address)
    context.clear_cookies(name="sessionid")
    left_open.get_by_label("Comment").fill("of the one before")
    expect(left_open.locator(".draft-state")).to_contain_text("You are signed out.")

    page = context.new_page()
    page.goto(f"{live_server.url}/accounts/sign-in/")
    assert len(kept(page)) == 1
    sign_in_by_form(page, live_server, second)
    assert kept(page) == []
    left_open.get_by_label("Comment").fill("of the one before, in a page that was left open")
    expect(left_open.locator(".draft-state")).to_contain_text("You are signed out.")
    assert not Draft.objects.exists()


@pytest.fixture
def disputed(
    submit: Callable[..., Case],
    analyse_as: Callable[..., None],
    under_protocol: Callable[..., object],
    review_as: Callable[..., Review],
    colleague: User,
    second: User,
    referee: User,
    live_server: LiveServer,
) -> str:
    """The address of a case whose two readers differ; `referee` decides."""
    under_protocol(readers_required=2, adjudicator=referee)
    case = submit(seed=1)
    analyse_as(case)
    review_as(colleague, case)
    review_as(second, case, corrected="meningioma")
    return f"{live_server.url}/cases/{case.code}/"


def test_words_of_an_amendment_outlive_another_language_and_going_elsewhere(
    page: Page, live_server: LiveServer, colleague: User, disputed: str
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{disputed}amend/")
    page.locator("[name=comment]").fill("one line\nand another")
    page.locator("[name=reason]").fill("seen again")
    page.get_by_role("radio", name="5 Certain").check()
    for button in ("Deutsch", "English"):
        page.get_by_role("button", name=button).click()
        page.wait_for_load_state("load")
        expect(page.locator("[name=comment]")).to_have_value("one line\nand another")
        expect(page.locator("[name=reason]")).to_have_value("seen again")
    page.goto(f"{live_server.url}/cases/")
    left = page.get_by_role("region", name="Typed here, and not saved")
    expect(left.get_by_text("one line")).to_be_visible()
    left.get_by_role("link").click()
    expect(page.get_by_role("radio", name="5 Certain")).to_be_checked()
    expect(page.get_by_text("What you had typed in this browser is back.")).to_be_visible()
    page.get_by_role("button", name="Save the amendment").click()
    expect(page.locator("#messages p")).to_be_visible()
    assert Review.objects.get(amends__isnull=False).comment.split() == ["one", "line", "and", "another"]
    assert kept(page) == []


def test_words_that_the_server_refuses_stay_until_it_takes_them(
    page: Page, live_server: LiveServer, referee: User, disputed: str
) -> None:
    """422: the page has them, and still has them after the theme is changed."""
    sign_in(page, live_server, referee)
    page.goto(f"{disputed}adjudicate/")
    page.get_by_label("Comment").fill("the second is right")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_text("Nothing is decided yet")).to_be_visible()
    page.get_by_role("button", name="Light").click()
    page.wait_for_load_state("load")
    expect(page.get_by_label("Comment")).to_have_value("the second is right")
    assert not Adjudication.objects.exists()


def test_page_goes_on_after_signing_in_again_in_another_window(
    context: BrowserContext, live_server: LiveServer, administrator: User, disputed: str
) -> None:
    """What was typed while the session was over is sent from the same page, which is not out of date."""
    page = context.new_page()
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/protocol/")
    context.clear_cookies(name="sessionid")
    page.get_by_label("Why does the protocol change?").fill("a third reader has come")
    page.get_by_label("Readers a case").fill("3")
    sign_in_by_form(context.new_page(), live_server, administrator)
    page.get_by_role("button", name="Make a new version").click()
    expect(page.get_by_text("The protocol is settled")).to_be_visible()
    assert kept(page) == []


def test_form_sent_after_the_session_comes_back_with_the_sign_in(
    context: BrowserContext, live_server: LiveServer, administrator: User, disputed: str
) -> None:
    page = context.new_page()
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/protocol/")
    page.get_by_label("Why does the protocol change?").fill("a third reader has come")
    context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Make a new version").click()
    sign_in_here(page, administrator)
    expect(page.get_by_label("Why does the protocol change?")).to_have_value("a third reader has come")
    assert Protocol.objects.count() == 1


def test_form_left_open_is_not_sent_as_the_next_person(
    context: BrowserContext, live_server: LiveServer, colleague: User, second: User, disputed: str
) -> None:
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(f"{disputed}amend/")
    page.get_by_label("Why do you amend your review?").fill("of the one before")
    other = context.new_page()
    context.clear_cookies(name="sessionid")
    sign_in_by_form(other, live_server, second)
    page.get_by_role("button", name="Save the amendment").click()
    # The second where the page has renewed its token by now: then the form itself says whose it is.
    refused = re.compile("This form is out of date|You may not do this")
    expect(page.get_by_role("heading", name=refused)).to_be_visible()
    other.goto(f"{disputed}amend/")
    expect(other.get_by_label("Why do you amend your review?")).to_have_value("")
    assert kept(other) == []
    assert Review.objects.count() == 2


def test_reading_goes_on_in_the_page_that_was_left_when_the_session_ended(
    context: BrowserContext, live_server: LiveServer, colleague: User, address: str
) -> None:
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(address)
    context.clear_cookies(name="sessionid")
    page.get_by_label("Comment").fill("in flight")
    expect(page.locator(".draft-state")).to_contain_text("sign in in another window, then go on here")
    again = context.new_page()
    sign_in_by_form(again, live_server, colleague)
    again.close()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.get_by_text("Kept as a draft.")).to_be_visible()
    page.get_by_role("radio", name="Meningioma").check()
    page.get_by_role("radio", name="4 Sure").check()
    page.get_by_role("button", name="Commit and reveal").click()
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()
    assert FirstRead.objects.get().comment == "in flight"


def test_save_whose_answer_never_came_is_no_other_window(
    context: BrowserContext, live_server: LiveServer, colleague: User, address: str
) -> None:
    """The draft of before the last words is on the server; the page knows it for its own, and goes on."""
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(address)

    def unanswered(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    context.route("**/draft/", unanswered)
    page.get_by_label("Comment").fill("half")
    expect(page.locator(".draft-state")).to_contain_text("the connection broke")
    page.get_by_label("Comment").fill("half, and the rest")
    context.unroute("**/draft/")
    expect(page.get_by_text("Kept as a draft.")).to_be_visible()
    assert Draft.objects.get().fields["comment"] == "half, and the rest"
    assert kept(page) == []


def test_words_of_another_machine_are_not_written_over_and_the_own_ones_are_to_copy(
    context: BrowserContext, live_server: LiveServer, colleague: User, case: Case, address: str
) -> None:
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(address)
    context.route("**/draft/", offline)
    page.get_by_label("Comment").fill("on the ward")
    expect(page.locator(".draft-state")).to_contain_text("the connection broke")
    context.unroute("**/draft/", offline)
    Draft.objects.create(case=case, reader=colleague, fields={"comment": "at the desk"}, revision=3)
    page.goto(address)
    expect(page.get_by_label("Comment")).to_have_value("at the desk")
    left = page.get_by_role("region", name="Typed here, and not saved")
    expect(left.get_by_text("on the ward")).to_be_visible()
    left.get_by_role("button", name="Discard").click()
    expect(left).to_be_hidden()
    assert kept(page) == []


def test_words_for_a_case_that_others_have_filled_are_to_copy(
    context: BrowserContext,
    live_server: LiveServer,
    colleague: User,
    second: User,
    case: Case,
    address: str,
    commit_as: Callable[..., FirstRead],
) -> None:
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(address)
    context.route("**/draft/", offline)
    page.get_by_label("Comment").fill("too late")
    case.claims.all().delete()
    commit_as(second, case)
    page.goto(address)
    expect(page.get_by_text("This case needs no further reader")).to_be_visible()
    assert page.locator("#review-form").count() == 0
    expect(
        page.get_by_role("region", name="Typed here, and not saved").get_by_text("too late")
    ).to_be_visible()


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
