"""Where things stand at a desk, on a telephone and on a reading monitor: one visit of a page, three sizes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.signing_in import open_worklist, sign_in

pytestmark = [pytest.mark.django_db(transaction=True)]

DESK, TELEPHONE, MONITOR = (1440, 900), (390, 844), (2560, 1440)


def at(page: Page, size: tuple[int, int]) -> None:
    """Give the window this size; nothing may stick out of it."""
    page.set_viewport_size({"width": size[0], "height": size[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def bottom(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None, selector
    return box["y"] + box["height"]


def top(page: Page, selector: str) -> float:
    box = page.locator(selector).first.bounding_box()
    assert box is not None, selector
    return box["y"]


def small_targets(page: Page, least: int) -> list[str]:
    """What can be pressed and is lower or narrower than so many pixels; not a link in a sentence, nor what
    has a label around it, which is pressed in its place.
    """
    found: list[str] = page.evaluate(
        """(least) => [...document.querySelectorAll("button, summary, select, input, textarea, a")]
             .filter((each) => each.checkVisibility() && each.closest(".table--cards thead") === null)
             .filter((each) => !(each.tagName === "A" && getComputedStyle(each).display === "inline"))
             .map((each) => [each.closest("label") ?? each, each])
             .filter(([hit]) => {
               const { width, height } = hit.getBoundingClientRect();
               return width > 1 && Math.min(width, height) < least - 0.5;
             })
             .map(([hit, each]) => `${each.outerHTML.slice(0, 80)} ${hit.getBoundingClientRect().height}`)""",
        least,
    )
    return found


def all_in_sight(page: Page, stage: str) -> None:
    """Class or verdict, confidence and the button that saves, without scrolling."""
    at(page, DESK)
    page.evaluate("scrollTo(0, 0)")
    save = "#review-form .form__actions"
    assert bottom(page, save) <= DESK[1] + 1, stage
    for question in ("verdict", "read_class", "corrected_class", "confidence"):
        if page.locator(f"[data-question={question}]").is_visible():
            assert bottom(page, f"[data-question={question}]") <= top(page, save), (stage, question)


def whole_rows(page: Page) -> int:
    """How many rows of the list stand in the window from top to bottom, with nothing over them."""
    return int(
        page.evaluate(
            """() => [...document.querySelectorAll(".worklist tbody tr")].filter((row) => {
                 const { left, bottom } = row.getBoundingClientRect();
                 const seen = document.elementFromPoint(left + 60, bottom - 3);
                 return bottom <= innerHeight && row.contains(seen);
               }).length"""
        )
    )


def test_administrators_list_shows_fifteen_whole_rows_and_its_bar_once_something_is_ticked(
    page: Page, live_server, administrator, submit, analyse_as, without_canvas
) -> None:
    for seed in range(18):
        analyse_as(submit(seed=seed, is_simulated=True))
    open_worklist(page, live_server, administrator)
    at(page, DESK)
    assert whole_rows(page) >= 15
    for size in (DESK, MONITOR):
        at(page, size)
        table, around = (
            page.locator(selector).bounding_box() for selector in (".worklist", "#worklist-list")
        )
        assert table is not None
        assert around is not None
        assert table["width"] <= around["width"]
        # As wide as the window lets it, but for its margins.
        assert around["width"] > size[0] - 120
    at(page, DESK)
    bar = page.locator("#bulk")
    expect(bar).not_to_be_in_viewport(ratio=0.9)
    page.locator("input[name='case']").first.check()
    expect(bar).to_be_in_viewport(ratio=1)
    expect(page.locator("#ticked")).to_have_text("1")
    # Filters act as they are chosen, the focus stays, and the way back leads to what was before.
    search = page.get_by_label("Search")
    search.fill("no such case")
    expect(page.get_by_role("heading", name="No case fits these filters")).to_be_visible()
    expect(search).to_be_focused()
    assert page.url == f"{live_server.url}/cases/?text=no%20such%20case"
    page.go_back()
    expect(page.locator("#fitting")).to_have_text("18 cases, newest first")
    expect(search).to_have_value("")
    at(page, TELEPHONE)
    assert small_targets(page, 24) == []


def test_reading_is_in_sight_in_every_stage_at_a_desk_and_by_the_thumb_on_a_telephone(
    page: Page, live_server, colleague, submit_many, analyse_as, blinded, without_canvas
) -> None:
    case = submit_many(3, is_simulated=True)
    for position in range(3):
        analyse_as(case, position=position)
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{case.code}/")
    expect(page.get_by_role("toolbar")).to_be_visible()
    all_in_sight(page, "first read")
    # A summary with the focus keeps its keys, and so does what one types.
    page.get_by_text("About this picture").focus()
    page.keyboard.press("w")
    page.get_by_label("Comment").fill("")
    page.keyboard.type("w4")
    expect(page.locator("#review-form input:checked")).to_have_count(0)
    page.get_by_role("radio", name="Meningioma").check()
    page.get_by_role("radio", name="4 Sure").check()
    page.get_by_role("button", name="Commit and reveal").click()
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()
    page.locator("[data-question=verdict] input").last.check()
    all_in_sight(page, "revealed")
    # The tools stand in one row, with the window's among them.
    page.evaluate("for (const each of document.querySelectorAll('[data-needs=depth]')) each.hidden = false")
    tops = page.locator(".tool:visible").evaluate_all(
        "(all) => all.map((each) => each.getBoundingClientRect().top)"
    )
    assert len(tops) > 8
    assert max(tops) - min(tops) < 2
    zoom = page.locator("[data-readout=zoom]").text_content()
    at(page, MONITOR)
    expect(page.locator("[data-readout=zoom]")).not_to_have_text(zoom or "")
    at(page, TELEPHONE)
    page.evaluate("scrollTo(0, 0)")
    # From the end of the picture to the question, with the network's class between them: half a screen.
    reach = top(page, "[data-question=verdict]") - bottom(page, ".viewer__panes")
    assert 0 < reach <= TELEPHONE[1] / 2
    assert small_targets(page, 24) == []
    at(page, DESK)
    page.get_by_role("button", name="Save review").click()
    page.get_by_role("button", name="Finish this case").click()
    expect(page.get_by_role("button", name="Finish this case")).to_have_count(0)
    page.goto(f"{live_server.url}/cases/{case.code}/amend/")
    expect(page.get_by_role("button", name="Save the amendment")).to_be_visible()
    all_in_sight(page, "amendment")
    for address in (f"/cases/{case.code}/amend/", "/cases/"):
        page.goto(live_server.url + address)
        page.emulate_media(media="print")
        expect(page.locator("button:visible, .button:visible, input[type=submit]:visible")).to_have_count(0)
        page.emulate_media(media="screen")


@pytest.fixture
def disputed(submit, analyse_as, under_protocol, commit_as, review_as, colleague, second, referee) -> str:
    """The code of a case on which two readers differ in so many words."""
    under_protocol(reading="blinded", readers_required=2, adjudicator=referee)
    case = submit(seed=1)
    analyse_as(case)
    for reader, said in ((colleague, "pituitary"), (second, "meningioma")):
        commit_as(reader, case, said, comment="A rim of contrast around a core without any.")
        review_as(reader, case, corrected=said, comment="A rim of contrast around a core without any.")
    return str(case.code)


def test_decision_is_in_sight_under_what_two_readers_said(
    page: Page, live_server, referee, disputed, without_canvas
) -> None:
    sign_in(page, live_server, referee)
    page.goto(f"{live_server.url}/cases/{disputed}/adjudicate/")
    expect(page.get_by_role("button", name="Decide")).to_be_visible()
    all_in_sight(page, "adjudication")


def test_pressed_tools_and_the_current_page_are_told_in_forced_colours_and_fingers_find_their_targets(
    browser: Browser, live_server, colleague, ready_case
) -> None:
    profile = browser.new_context(
        viewport={"width": TELEPHONE[0], "height": TELEPHONE[1]},
        is_mobile=True,
        has_touch=True,
        forced_colors="active",
        locale="en-GB",
    )
    page = profile.new_page()
    sign_in(page, live_server, colleague)
    for address in (f"/cases/{ready_case.code}/", "/cases/"):
        page.goto(live_server.url + address)
        page.wait_for_load_state("load")
        assert small_targets(page, 44) == [], address
    colour = "(each, what) => getComputedStyle(each)[what]"
    nav = page.locator(".site-nav__link")
    assert nav.first.evaluate(colour, "borderBottomColor") != nav.nth(1).evaluate(colour, "borderBottomColor")
    tab = page.locator(".state-tab")
    assert tab.first.evaluate(colour, "borderBottomColor") != tab.nth(1).evaluate(colour, "borderBottomColor")
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    pressed, other = (page.locator(f".tool[data-act={act}]") for act in ("heat", "zoom-in"))
    assert pressed.evaluate(colour, "backgroundColor") != other.evaluate(colour, "backgroundColor")
    # A sign is seen on the ground of its button.
    sign = other.locator(".icon").evaluate(colour, "backgroundColor")
    assert sign == other.evaluate(colour, "color")
    bar = page.locator(".bar").first
    assert bar.evaluate(colour, "color") != bar.evaluate(colour, "backgroundColor")
