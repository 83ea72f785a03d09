"""Reading blinded, in a real browser: commit and reveal, drafts that survive, undo, all by keyboard."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from cases.models import Adjudication, Case, Draft, FirstRead, Prediction, Review
from portal.accounts.models import User
from tests.browser.signing_in import sign_in, sign_in_by_form

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_canvas")]


def press(page: Page, *keys: str) -> None:
    """Press keys once the page's modules listen."""
    page.wait_for_load_state("load")
    for key in keys:
        page.keyboard.press(key)


@pytest.fixture
def cases(submit: Callable[..., Case], analyse_as: Callable[..., None], blinded: object) -> list[Case]:
    """Two blinded cases, both called a glioma."""
    both = [submit(seed=seed, ground_truth="meningioma") for seed in (1, 2)]
    for case in both:
        analyse_as(case)
    return both


def test_blinded_read_is_committed_revealed_and_kept_by_keyboard_alone(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/next/")
    expect(page.get_by_role("heading", name="Your own read")).to_be_visible()
    expect(page.locator("#viewer image[data-part=map]")).to_have_count(0)
    press(page, "w", "4", "c")
    page.keyboard.type("Broad base; a tail.")
    press(page, "Tab")
    press(page, "s")
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()
    first = FirstRead.objects.get()
    assert (first.read_class, first.confidence, first.comment) == ("meningioma", 4, "Broad base; a tail.")
    assert first.active_seconds is not None
    expect(page.locator("#viewer image[data-part=map]")).to_have_count(1)
    expect(page.get_by_label("or say another class")).to_be_checked()
    press(page, "s")
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    press(page, "u")
    expect(page.get_by_role("button", name="Save review")).to_be_visible()
    press(page, "a")
    press(page, "s")
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    assert not Review.objects.exists()
    press(page, "n")
    expect(page.get_by_role("heading", name=cases[1].code)).to_be_visible()
    review = Review.objects.get()
    assert (review.case, review.verdict, review.final_class) == (cases[0], "agree", "glioma")


def test_draft_survives_a_closed_tab_and_an_expired_session(
    context: BrowserContext, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    page = context.new_page()
    sign_in(page, live_server, colleague)
    address = f"{live_server.url}/cases/{cases[0].code}/"
    page.goto(address)
    page.get_by_label("Comment").fill("half a sentence")
    expect(page.get_by_text("Kept as a draft.")).to_be_visible()
    page.close()
    assert Draft.objects.get().fields["comment"] == "half a sentence"

    page = context.new_page()
    page.goto(address)
    expect(page.get_by_label("Comment")).to_have_value("half a sentence")
    cookies = [cookie for cookie in context.cookies() if cookie["name"] != "sessionid"]
    context.clear_cookies(name="sessionid")
    assert cookies
    page.get_by_label("Comment").fill("half a sentence, and more")
    expect(page.locator(".draft-state")).to_contain_text("You are signed out.")
    page.close()

    page = context.new_page()
    sign_in_by_form(page, live_server, colleague)
    page.goto(address)
    expect(page.get_by_label("Comment")).to_have_value("half a sentence, and more")
    expect(page.get_by_text("Kept as a draft.")).to_be_visible()
    assert Draft.objects.get().fields["comment"] == "half a sentence, and more"


def test_key_is_changed_in_the_list_and_a_taken_one_is_refused(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{cases[0].code}/")
    press(page, "?")
    dialog = page.get_by_role("dialog", name="Keys")
    expect(dialog).to_be_visible()
    row = dialog.locator("[data-act='confidence-5']")
    row.get_by_role("button").click()
    press(page, "n")
    expect(dialog.get_by_text("Another act has this key already.")).to_be_visible()
    row.get_by_role("button").click()
    press(page, "j")
    expect(row.locator("kbd")).to_have_text("j")
    press(page, "Escape")
    expect(dialog).to_be_hidden()
    press(page, "j")
    expect(page.get_by_role("radio", name="Certain")).to_be_checked()


def test_two_tabs_cannot_submit_twice(
    context: BrowserContext, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    address = f"{live_server.url}/cases/{cases[0].code}/"
    first, late = context.new_page(), context.new_page()
    sign_in(first, live_server, colleague)
    for tab in (first, late):
        tab.goto(address)
        tab.get_by_role("radio", name="Glioma").check()
        tab.get_by_role("radio", name="Sure", exact=False).nth(3).check()
    first.get_by_role("button", name="Commit and reveal").click()
    expect(first.get_by_text("Locked", exact=True)).to_be_visible()
    late.get_by_label("Comment").fill("from the late tab")
    late.get_by_role("button", name="Commit and reveal").click()
    expect(late.get_by_text("You have gone on with this case in another window")).to_be_visible()
    expect(late.get_by_text("from the late tab").first).to_be_visible()
    assert FirstRead.objects.get().comment == ""
    assert Prediction.objects.filter(image__case=cases[0]).count() == 1


def commit(page: Page, seen: str) -> None:
    """Read the open case blind."""
    page.get_by_role("radio", name=seen).check()
    page.get_by_role("radio", name="4 Sure").check()
    page.get_by_role("button", name="Commit and reveal").click()
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()


def finish(page: Page) -> None:
    page.get_by_role("button", name="Save review").click()
    page.get_by_role("button", name="Finish this case").click()
    expect(page.get_by_text("Final", exact=True)).to_be_visible()


def test_second_reader_sees_nothing_of_the_first_and_the_adjudicator_decides(
    browser: Browser,
    live_server: LiveServer,
    colleague: User,
    second: User,
    referee: User,
    under_protocol: Callable[..., object],
    submit: Callable[..., Case],
    analyse_as: Callable[..., None],
) -> None:
    under_protocol(reading="blinded", readers_required=2, adjudicator=referee)
    case = submit(seed=1)
    analyse_as(case)
    address = f"{live_server.url}/cases/{case.code}/"
    pages = {}
    for reader in (colleague, second, referee):
        pages[reader] = browser.new_context().new_page()
        sign_in(pages[reader], live_server, reader)

    first = pages[colleague]
    first.goto(address)
    first.get_by_label("Comment").fill("ring-like, says the first")
    commit(first, "Glioma")
    finish(first)

    late = pages[second]
    late.goto(address)
    expect(late.get_by_role("heading", name="Your own read")).to_be_visible()
    assert "says the first" not in late.content()
    commit(late, "Meningioma")
    assert "says the first" not in late.content()
    finish(late)
    expect(late.get_by_text("To be adjudicated")).to_be_visible()

    judge = pages[referee]
    judge.goto(f"{live_server.url}/cases/")
    judge.get_by_role("link", name="Adjudicate 1 case").click()
    expect(judge.get_by_role("heading", name="Reader A")).to_be_visible()
    expect(judge.get_by_role("heading", name="Reader B")).to_be_visible()
    expect(judge.get_by_text("ring-like, says the first")).to_be_visible()
    assert "What the network says" not in judge.content()
    judge.get_by_role("radio", name="Meningioma").check()
    judge.get_by_role("radio", name="5 Certain").check()
    judge.get_by_role("button", name="Decide").click()
    expect(judge.get_by_text("Preliminary", exact=True)).to_be_visible()
    assert "What the network says" not in judge.content()
    judge.get_by_role("button", name="Finish this case").click()
    expect(judge.get_by_role("heading", name="Adjudicated")).to_be_visible()
    expect(judge.get_by_role("heading", name="What the network says")).to_be_visible()
    assert Adjudication.objects.get().final_class == "meningioma"
    assert Case.objects.get().state == "reviewed"
    for page in pages.values():
        page.context.close()
