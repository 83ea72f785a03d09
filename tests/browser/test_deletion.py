"""A case is deleted in a real browser, while a reader has it open in another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from cases import removals
from cases.models import Case, DeletionRequest
from portal.accounts.models import User
from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in
from tests.support.axe import grave_faults
from tests.support.contrast import faint

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_canvas")]


def look_at(page: Page, name: str) -> None:
    """At both widths, in both themes: nothing sticks out, nothing is faint or hidden from a screen reader."""
    page.wait_for_load_state("load")
    for width, height in ((390, 844), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for theme in ("light", "dark"):
            page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
            page.evaluate(
                "Promise.all(document.getAnimations().map((each) => each.finished.catch(() => null)))"
            )
            assert faint(page) == []
            keep(page, f"{name}-{width}-{theme}")
        assert grave_faults(page) == []


def test_case_is_deleted_while_somebody_reads_it(
    page: Page,
    browser: Browser,
    live_server: LiveServer,
    administrator: User,
    colleague: User,
    ready_case: Case,
) -> None:
    reader = browser.new_page()
    sign_in(reader, live_server, colleague)
    reader.goto(f"{live_server.url}/cases/{ready_case.code}/")
    reader.get_by_label("Comment").fill("seen on the left")
    expect(reader.get_by_text("Kept as a draft.")).to_be_visible()

    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_role("heading", name=f"Delete case {ready_case.code}")).to_be_visible()
    look_at(page, "delete")
    page.get_by_label("Why is it deleted?").select_option("A picture shows a name")
    page.get_by_label("In words").fill("top left corner")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("Deleted. What stays of it is listed here.")).to_be_visible()
    look_at(page, "deletions")
    assert not removals.are_waiting()

    reader.get_by_label("Comment").fill("seen on the left, and more")
    expect(
        reader.get_by_text("This case was deleted. What you typed is kept in this browser")
    ).to_be_visible()
    reader.reload()
    expect(reader.get_by_role("heading", name="This case was deleted")).to_be_visible()
    assert grave_faults(reader) == []
    keep(reader, "deleted-case-1440")
    reader.get_by_role("link", name="To the worklist").click()
    expect(reader.get_by_role("heading", name="Worklist")).to_be_visible()


def test_second_administrator_decides_on_the_request(
    page: Page,
    live_server: LiveServer,
    administrator: User,
    make_person: Callable[..., User],
    cohort: object,
    ready_case: Case,
    settings,
) -> None:
    settings.DELETION_NEEDS_TWO = True
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/deletions/case/{ready_case.code}/")
    page.get_by_label("Why is it deleted?").select_option("The consent was withdrawn")
    page.get_by_role("button", name="Ask for the deletion").click()
    expect(page.get_by_text("has to confirm it before anything goes")).to_be_visible()
    look_at(page, "deletions-waiting")
    page.context.clear_cookies()
    sign_in(page, live_server, make_person("deputy", cohort, "administrator"))
    page.goto(f"{live_server.url}/dashboard/deletions/")
    page.get_by_role("link", name="Look and decide").click()
    expect(page.get_by_role("button", name="Decline")).to_be_visible()
    look_at(page, "deletion-request")
    page.get_by_role("button", name="Confirm the deletion").click()
    expect(page.get_by_text("confirmed by Deputy")).to_be_visible()
    assert DeletionRequest.objects.get().state == "carried_out"
