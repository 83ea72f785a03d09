"""The reading screens hold enhanced contrast, dark and light, and keep still for who asks for that."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from cases.models import Case
from portal.accounts.models import User
from tests.browser.signing_in import open_worklist, sign_in
from tests.browser.test_blinded_reading import commit
from tests.support.contrast import faint

pytestmark = [pytest.mark.django_db(transaction=True)]


def faint_in_both(page: Page) -> dict[str, list[str]]:
    """What is too faint, by theme."""
    page.wait_for_load_state("load")
    found = {}
    for theme in ("dark", "light"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        # Colours that are on their way are not what is read.
        page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished.catch(() => null)))")
        found[theme] = faint(page)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    return found


# What an animation or a transition would move, with the parts that style makes.
MOVING = """() => [...document.querySelectorAll("*")].flatMap((element) =>
    [null, "::before", "::after"].filter((part) => {
        const style = getComputedStyle(element, part);
        const runs = style.animationName === "none" ? [] : style.animationDuration.split(", ");
        return runs.concat(style.transitionDuration.split(", ")).some((time) => Number.parseFloat(time) > 0);
    }).map((part) => `${element.tagName}.${element.className}${part ?? ""}`))"""
CLEAR: dict[str, list[str]] = {"dark": [], "light": []}


@pytest.mark.parametrize("width", [1440, 390])
def test_blinded_and_revealed_read_are_clear(
    width: int,
    page: Page,
    live_server: LiveServer,
    colleague: User,
    blinded: object,
    submit: Callable[..., Case],
    analyse_as: Callable[..., None],
) -> None:
    case = submit(seed=1)
    analyse_as(case, "glioma", 0.83, gate_verdict="uncertain", gate_distance=2.7, in_training=True)
    page.set_viewport_size({"width": width, "height": 900})
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{case.code}/")
    assert faint_in_both(page) == CLEAR
    commit(page, "Meningioma")
    assert faint_in_both(page) == CLEAR
    page.get_by_role("button", name="Save review").click()
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    assert faint_in_both(page) == CLEAR


def test_adjudication_is_clear(
    page: Page,
    live_server: LiveServer,
    colleague: User,
    second: User,
    referee: User,
    under_protocol: Callable[..., object],
    ready_case: Case,
    review_as: Callable[..., object],
) -> None:
    under_protocol(readers_required=2, adjudicator=referee)
    review_as(colleague, ready_case, comment="Ring-like.")
    review_as(second, ready_case, corrected="meningioma")
    sign_in(page, live_server, referee)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/adjudicate/")
    assert faint_in_both(page) == CLEAR


def test_teaching_is_clear(
    page: Page,
    live_server: LiveServer,
    colleague: User,
    under_protocol: Callable[..., object],
    submit: Callable[..., Case],
    analyse_as: Callable[..., None],
) -> None:
    under_protocol(reading="teaching")
    case = submit(seed=1, ground_truth="glioma")
    analyse_as(case)
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/teaching/{case.code}/")
    assert faint_in_both(page) == CLEAR
    page.get_by_role("radio", name="Glioma").check()
    page.get_by_role("radio", name="4 Sure").check()
    page.get_by_role("button", name="Answer and reveal").click()
    expect(page.get_by_role("heading", name="You were right")).to_be_visible()
    assert faint_in_both(page) == CLEAR


def test_nothing_moves_for_who_asks_for_less_motion(
    browser: Browser, live_server: LiveServer, colleague: User, submit: Callable[..., Case]
) -> None:
    """A case in the queue, whose badge would move, and every transition of the page."""
    case = submit(seed=1)
    found = {}
    for wish in ("reduce", "no-preference"):
        context = browser.new_context(reduced_motion=wish)
        page = context.new_page()
        open_worklist(page, live_server, colleague)
        found[wish] = page.evaluate(MOVING)
        page.goto(f"{live_server.url}/cases/{case.code}/")
        found[wish] += page.evaluate(MOVING)
        context.close()
    assert found["reduce"] == []
    assert found["no-preference"] != []
