"""The next case comes into the open page: what a whole page does for the reader, this one does too."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image as PillowImage
from playwright.sync_api import Page, expect

from cases.models import Case, Claim, Draft, FirstRead, Job, Review
from portal.accounts.models import Session
from tests.browser.conftest import NO_WEBGL2
from tests.browser.signing_in import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Route
    from pytest_django.live_server_helper import LiveServer

    from cases.models import Cohort
    from portal.accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cases(submit: Callable[..., Case], analyse_as: Callable[..., None]) -> list[Case]:
    """Two cases that wait, both called a glioma."""
    both = [submit(seed=seed) for seed in (1, 2)]
    for case in both:
        analyse_as(case)
    return both


def claimed() -> list[str]:
    return list(Claim.objects.values_list("case__code", flat=True))


def heading(page: Page, case: Case) -> Locator:
    return page.get_by_role("heading", level=1, name=case.code)


def open_first(page: Page, server: LiveServer, reader: User, cases: list[Case], query: str = "") -> None:
    """The first case; what the window keeps from here on shows that it stays the same page."""
    sign_in(page, server, reader)
    page.goto(f"{server.url}/cases/{cases[0].code}/{query}")
    page.wait_for_selector("#viewer[data-rests]", timeout=60_000)
    page.evaluate("window.kept = true")


def drag_over(page: Page, stage: Locator) -> None:
    """From one corner towards the other."""
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 90)
    page.mouse.up()


def is_kept(page: Page) -> bool:
    return bool(page.evaluate("window.kept === true"))


def expect_page_of(page: Page, server: LiveServer, case: Case) -> None:
    """Address, title, heading and picture are this case's."""
    expect(page).to_have_url(re.compile(f"{re.escape(server.url)}/cases/{case.code}/"))
    expect(page).to_have_title(re.compile(case.code))
    expect(heading(page, case)).to_be_visible()
    page.wait_for_selector("#viewer[data-drawn]")
    for shown in page.locator("[data-part=base]").all():
        assert case.code in (shown.get_attribute("href") or "")


@pytest.mark.usefixtures("without_canvas")
def test_next_case_has_address_title_focus_and_claim_and_back_leads_back(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    open_first(page, live_server, colleague, cases)
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    expect(heading(page, cases[1])).to_be_focused()
    assert claimed() == [cases[1].code]
    page.go_back()
    expect_page_of(page, live_server, cases[0])
    expect(heading(page, cases[0])).to_be_focused()
    page.go_forward()
    expect_page_of(page, live_server, cases[1])
    assert is_kept(page)
    # The one that was gone back to is free again, a moment later.
    for _ in range(100):
        if claimed() == [cases[1].code]:
            break
        page.wait_for_timeout(50)
    assert claimed() == [cases[1].code]


@pytest.mark.usefixtures("without_canvas")
def test_blinded_cases_are_read_one_after_another_and_nothing_of_a_result_comes_before_its_commit(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case], blinded: object
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(live_server.url)))
    open_first(page, live_server, colleague, cases)
    with page.expect_response(lambda answer: f"{cases[1].code}/base.png" in answer.url):
        for key in ("w", "4", "s"):
            page.keyboard.press(key)
        expect(page.get_by_text("Locked", exact=True)).to_be_visible()
        expect(page.locator("image[data-part=map]")).to_have_count(1)
    assert FirstRead.objects.get().case == cases[0]
    # What is fetched ahead is the picture alone, as this browser can show it, and takes no slot.
    ahead = {path.partition("?")[0] for path in asked if cases[1].code in path}
    assert ahead == {f"/cases/{cases[1].code}/base.png"}
    assert not Claim.objects.filter(case=cases[1]).exists()
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    expect(page.get_by_role("heading", name="Your own read")).to_be_visible()
    expect(page.locator("image[data-part=map]")).to_have_count(0)
    assert "maps" not in (page.locator("#viewer-data").text_content() or "maps")
    assert not [path for path in asked if cases[1].code in path and "/maps/" in path]
    assert is_kept(page)


@pytest.mark.usefixtures("without_canvas")
def test_words_typed_before_the_key_are_kept_with_their_own_case(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    open_first(page, live_server, colleague, cases)
    page.get_by_label("Comment").fill("Not yet sure.")
    page.keyboard.press("Escape")
    with page.expect_response(re.compile(rf"/{cases[0].code}/draft/")):
        page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    expect(page.get_by_label("Comment")).to_have_value("")
    assert Draft.objects.get().fields["comment"] == "Not yet sure."
    kept = page.evaluate("Object.entries(localStorage).filter(([name]) => name.includes('.draft.'))")
    assert all(cases[1].code not in text for _, text in kept)
    page.go_back()
    expect_page_of(page, live_server, cases[0])
    expect(page.get_by_label("Comment")).to_have_value("Not yet sure.")
    # Reading time and keys are those of the page in sight, once each.
    page.keyboard.press("d")
    expect(page.get_by_role("group", name="Which class do you see instead?")).to_be_visible()
    assert is_kept(page)


@pytest.mark.usefixtures("without_canvas")
def test_review_is_saved_undone_and_refused_in_the_open_page(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    open_first(page, live_server, colleague, cases)
    page.keyboard.press("a")
    page.keyboard.press("s")
    alert = page.get_by_text("Nothing is saved yet")
    expect(alert).to_be_focused()
    page.keyboard.press("5")
    page.get_by_label("Comment").fill("One line,\nand another.")
    page.get_by_label("Comment").press("Control+Enter")
    expect(page.get_by_text("Saved. You can undo it")).to_be_focused()
    assert Draft.objects.get().fields["comment"] == "One line,\r\nand another."
    page.keyboard.press("u")
    expect(page.get_by_label("Comment")).to_have_value("One line,\nand another.")
    expect(page).to_have_url(f"{live_server.url}/cases/{cases[0].code}/")
    page.keyboard.press("s")
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    # A page without a form names no class; the next one has its own list of keys.
    named = page.locator("#keys-dialog [data-act=class-1] th")
    page.keyboard.press("?")
    expect(named).to_have_text("First class of the list")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    assert Review.objects.get().case == cases[0]
    page.keyboard.press("?")
    expect(named).to_have_text("Glioma")
    page.keyboard.press("Escape")
    page.keyboard.press("5")
    expect(page.get_by_role("radio", name="5 Certain")).to_be_checked()
    assert is_kept(page)


def test_line_that_breaks_in_the_middle_leaves_the_page_and_what_is_typed(
    context: BrowserContext, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    context.add_init_script(NO_WEBGL2)
    page = context.new_page()
    open_first(page, live_server, colleague, cases)
    page.get_by_label("Comment").fill("Half a")
    page.keyboard.press("Escape")
    page.route("**/cases/next/", lambda route: route.abort())
    page.keyboard.press("n")
    said = page.locator("#page-state")
    expect(said).to_contain_text("The portal cannot be reached.")
    expect(heading(page, cases[0])).to_be_visible()
    expect(page.get_by_label("Comment")).to_have_value("Half a")
    page.unroute("**/cases/next/")
    page.route("**/cases/next/", lambda route: route.fulfill(status=503, body="busy"))
    page.keyboard.press("n")
    expect(said).to_contain_text("could not do this just now")
    page.unroute("**/cases/next/")
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    # Back, over a broken line: the address stays with what is in sight.
    page.route(f"**/cases/{cases[0].code}/", lambda route: route.abort())
    page.go_back()
    expect(page.locator("#page-state")).to_contain_text("The portal cannot be reached.")
    expect_page_of(page, live_server, cases[1])
    assert is_kept(page)


def test_refused_save_over_a_broken_line_can_be_sent_again(
    context: BrowserContext, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    context.add_init_script(NO_WEBGL2)
    page = context.new_page()
    open_first(page, live_server, colleague, cases)
    lost: list[Route] = []

    def lose(route: Route) -> None:
        """The portal hears it, and its answer does not come back."""
        if route.request.method != "POST" or lost:
            route.continue_()
            return
        lost.append(route)
        route.fetch(max_redirects=0)
        route.abort()

    page.route(f"**/cases/{cases[0].code}/", lose)
    for key in ("a", "5", "s"):
        page.keyboard.press(key)
    expect(page.locator("#page-state")).to_contain_text("The portal cannot be reached.")
    expect(page.get_by_role("button", name="Save review")).to_be_enabled()
    page.keyboard.press("s")
    # What stands is what came through; nothing is stored twice.
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    assert Draft.objects.filter(state="preliminary").count() == 1
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])


def test_what_is_no_page_of_a_case_is_opened_as_a_whole(
    context: BrowserContext, live_server: LiveServer, colleague: User, other_cohort: Cohort, cases: list[Case]
) -> None:
    context.add_init_script(NO_WEBGL2)
    page = context.new_page()
    open_first(page, live_server, colleague, cases)
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    # Back to one that is out of reach meanwhile.
    Case.objects.filter(pk=cases[0].pk).update(cohort=other_cohort)
    page.go_back()
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    page.goto(f"{live_server.url}/cases/{cases[1].code}/")
    page.wait_for_selector("#viewer[data-rests]")
    # No next case: the worklist, with the sentence that says so.
    page.evaluate("document.querySelector('[data-key-target=next]').requestSubmit()")
    expect(page.get_by_text("No other case waits for your reading. New ones")).to_be_visible()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    # Signed out meanwhile: the sign-in, and the way back to the case with what was typed.
    page.goto(f"{live_server.url}/cases/{cases[1].code}/")
    page.wait_for_selector("#viewer[data-rests]")
    page.get_by_label("Comment").fill("Typed before.")
    Session.objects.all().delete()
    page.get_by_label("Comment").press("Control+Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert cases[1].code in page.url


@pytest.mark.usefixtures("without_canvas")
def test_other_window_has_gone_on_and_the_open_page_says_so(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    open_first(page, live_server, colleague, cases)
    page.get_by_label("Comment").fill("From the first window.")
    other = page.context.new_page()
    other.goto(f"{live_server.url}/cases/{cases[0].code}/")
    other.wait_for_selector("#viewer[data-rests]")
    for key in ("d", "w", "5", "s"):
        other.keyboard.press(key)
    expect(other.get_by_text("Preliminary", exact=True)).to_be_visible()
    other.close()
    page.get_by_label("Comment").press("Escape")
    for key in ("a", "5", "s"):
        page.keyboard.press(key)
    expect(page.get_by_text("You have gone on with this case in another window")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("From the first window.")
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    assert is_kept(page)


@pytest.mark.usefixtures("without_canvas")
def test_case_filled_by_others_meanwhile_is_swapped_in_and_says_so(
    page: Page, live_server: LiveServer, colleague: User, second: User, cases: list[Case]
) -> None:
    open_first(page, live_server, colleague, cases)
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    expiry = timezone.now() + timedelta(minutes=5)
    Claim.objects.create(case=cases[0], reader=second, expires_at=expiry)
    page.go_back()
    expect_page_of(page, live_server, cases[0])
    expect(page.get_by_text("Somebody else is reading this case")).to_be_visible()
    assert is_kept(page)


@pytest.mark.usefixtures("without_canvas")
def test_case_that_is_closed_analysed_again_or_gone_meanwhile_says_so_and_reading_goes_on(
    page: Page, live_server: LiveServer, colleague: User, other_cohort: Cohort, cases: list[Case]
) -> None:
    open_first(page, live_server, colleague, cases)
    page.get_by_label("Comment").fill("Half a thought.")
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    expect_page_of(page, live_server, cases[1])
    Case.objects.filter(pk=cases[0].pk).update(state="closed")
    page.go_back()
    expect_page_of(page, live_server, cases[0])
    expect(page.get_by_role("heading", name="This case needs no further reader")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Half a thought.")
    Case.objects.filter(pk=cases[0].pk).update(state="open")
    Job.objects.filter(image__case=cases[1]).update(status="queued")
    page.go_forward()
    expect_page_of(page, live_server, cases[1])
    expect(page.get_by_text("Queued")).to_be_visible()
    # Another window or an administrator has taken it away, and this page does not know.
    Case.objects.filter(pk=cases[1].pk).update(cohort=other_cohort)
    page.evaluate("document.querySelector('[data-key-target=next]').requestSubmit()")
    expect_page_of(page, live_server, cases[0])
    expect(page.get_by_text("The case before is not there any more")).to_be_visible()
    assert is_kept(page)


def test_picture_before_is_gone_with_its_name_and_canvases_stay(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    open_first(page, live_server, colleague, cases)
    expect(page.locator("#viewer[data-drawn=depth]")).to_be_attached()
    page.evaluate(
        "document.querySelectorAll('.pane__depth canvas').forEach((each) => { each.isOld = true; })"
    )
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(rf"/{cases[1].code}/(base|maps)"), hold)
    page.keyboard.press("n")
    expect(heading(page, cases[1])).to_be_focused()
    # Under the new name nothing of the former picture is shown, or may be marked.
    expect(page.locator(".pane__depth:not([data-empty])")).to_have_count(0)
    assert page.locator("[data-part=base], [data-part=map]").evaluate_all(
        "(all, code) => all.every((each) => (each.getAttribute('href') ?? code).includes(code))",
        cases[1].code,
    )
    stage = page.locator("[data-stage=base]")
    assert (
        np.asarray(PillowImage.open(io.BytesIO(stage.screenshot())).convert("L"))[40:-40, 40:-40].max() < 40
    )
    page.get_by_role("button", name="Rectangle").click()
    drag_over(page, stage)
    assert page.locator("[name=region]").input_value() in ("", "null")
    for route in held:
        route.continue_()
    page.unroute_all()
    page.wait_for_selector("#viewer[data-drawn=depth]")
    expect(page.locator(".pane__depth[data-empty]")).to_have_count(0)
    # For print.
    expect(page.locator("image[data-part=map]")).to_have_attribute("href", re.compile(cases[1].code))
    canvases = page.locator(".pane__depth canvas")
    assert canvases.evaluate_all("(all) => all.map((each) => each.isOld)") == [True, True]
    drag_over(page, stage)
    assert json.loads(page.locator("[name=region]").input_value())["kind"] == "rectangle"
    # The browser takes a canvas away: the drawing serves, and the next case has new ones.
    canvases.first.evaluate(
        "(each) => each.getContext('webgl2').getExtension('WEBGL_lose_context').loseContext()"
    )
    expect(page.get_by_text("in full depth; it is shown as the server draws it.")).to_be_visible()
    page.go_back()
    expect_page_of(page, live_server, cases[0])
    page.wait_for_selector("#viewer[data-drawn=depth]")
    assert canvases.evaluate_all("(all) => all.map((each) => each.isOld ?? false)") == [False, False]
    assert is_kept(page)


def test_volume_that_was_fetched_ahead_is_not_fetched_again(
    page: Page, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    """No browser keeps an answer behind a sign-in, so the page does."""
    volume = f"{cases[1].code}/base.nii.gz"
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with page.expect_response(lambda answer: volume in answer.url):
        open_first(page, live_server, colleague, cases)
    page.keyboard.press("n")
    expect(heading(page, cases[1])).to_be_focused()
    page.wait_for_selector("#viewer[data-drawn=depth]")
    assert sum(volume in address for address in asked) == 1


def test_map_that_comes_as_no_volume_is_drawn_by_the_server(
    context: BrowserContext, live_server: LiveServer, colleague: User, cases: list[Case]
) -> None:
    """The canvas has the map first, and the server draws it only for print; unless the canvas fails."""
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_first(page, live_server, colleague, cases)
    page.wait_for_selector("#viewer[data-rests]")
    page.route(re.compile(rf"/{cases[1].code}/maps/.*nii"), lambda route: route.abort())
    page.keyboard.press("n")
    expect(heading(page, cases[1])).to_be_focused()
    expect(page.get_by_text("in full depth; it is shown as the server draws it.")).to_be_visible()
    drawn = page.locator("image[data-part=map]")
    expect(drawn).to_have_attribute("href", re.compile(cases[1].code))
    expect(drawn).to_have_attribute("visibility", "visible")
    maps = [address for address in asked if f"{cases[1].code}/maps/" in address]
    assert [".nii.gz" in address for address in maps] == [True, False]
    # Asked for again, the canvas has it too.
    page.unroute_all()
    page.locator("[data-part=fault]").get_by_role("button", name="Try again").click()
    page.wait_for_selector(".pane__depth:not([data-empty])")
    assert is_kept(page)
