"""The next case comes into the page that is open: what a whole page does for the reader, this one does too."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from cases.models import Case, Claim, Draft, FirstRead, Review
from tests.browser.conftest import NO_WEBGL2
from tests.browser.signing_in import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Route
    from pytest_django.live_server_helper import LiveServer

    from portal.accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def cases(submit: Callable[..., Case], analyse_as: Callable[..., None]) -> list[Case]:
    """Two cases that wait, both called a glioma."""
    both = [submit(seed=seed) for seed in (1, 2)]
    for case in both:
        analyse_as(case)
    return both


def heading(page: Page, case: Case) -> Locator:
    return page.get_by_role("heading", level=1, name=case.code)


def open_first(page: Page, server: LiveServer, reader: User, cases: list[Case], query: str = "") -> None:
    """The first case; what the window keeps from here on shows that it stays the same page."""
    sign_in(page, server, reader)
    page.goto(f"{server.url}/cases/{cases[0].code}/{query}")
    page.wait_for_selector("#viewer[data-rests]", timeout=60_000)
    page.evaluate("window.kept = true")


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
    assert list(Claim.objects.values_list("case__code", flat=True)) == [cases[1].code]
    page.go_back()
    expect_page_of(page, live_server, cases[0])
    expect(heading(page, cases[0])).to_be_focused()
    page.go_forward()
    expect_page_of(page, live_server, cases[1])
    assert is_kept(page)
    # The one that was gone back to is free again.
    page.wait_for_function("() => document.querySelector('#viewer[data-rests]')")
    assert list(Claim.objects.values_list("case__code", flat=True)) == [cases[1].code]
