"""Where things stand at a desk, on a telephone and on a reading monitor: one visit of a page, three sizes."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.signing_in import open_worklist

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


def whole_rows(page: Page) -> int:
    """How many rows of the list stand in the window from top to bottom, with nothing over them."""
    return int(
        page.evaluate(
            """() => [...document.querySelectorAll(".worklist tbody tr")].filter((row) => {
                 const { left, bottom } = row.getBoundingClientRect();
                 return bottom <= innerHeight && row.contains(document.elementFromPoint(left + 60, bottom - 3));
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
