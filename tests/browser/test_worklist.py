"""The worklist in a browser: views, order, acts on ticked cases, live rows, and all of it by keys."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from cases.models import Assignment, Case, Claim, SavedView
from tests.browser.signing_in import open_worklist
from tests.support.axe import grave_faults

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def three(submit, analyse_as) -> list[Case]:
    """Oldest first, certain, unsure, and middling."""
    cases = [submit(seed=seed) for seed in range(3)]
    for case, probability in zip(cases, (0.95, 0.45, 0.7), strict=True):
        analyse_as(case, probability=probability)
    return cases


def codes_on(page: Page) -> list[str]:
    return page.locator(".worklist .case-code").all_text_contents()


def hold_against_axe(page: Page) -> None:
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert grave_faults(page) == []
    page.set_viewport_size({"width": 1440, "height": 900})


def test_order_is_chosen_saved_as_a_view_and_opened_again(page, live_server, colleague, three) -> None:
    certain, unsure, middling = (case.code for case in three)
    open_worklist(page, live_server, colleague)
    assert codes_on(page) == [middling, unsure, certain]
    page.get_by_role("columnheader", name="Network's class").get_by_role("link").click()
    found = page.get_by_role("columnheader", name="Network's class")
    expect(found).to_have_attribute("aria-sort", "ascending")
    assert codes_on(page) == [unsure, middling, certain]
    page.get_by_text("Save this view").click()
    page.get_by_label("Name", exact=True).fill("Least certain")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("View “Least certain” is saved.")).to_be_visible()
    page.goto(f"{live_server.url}/cases/")
    page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Least certain").click()
    assert codes_on(page) == [unsure, middling, certain]
    assert SavedView.objects.get().query == "sort=certainty"
    hold_against_axe(page)
    page.get_by_role("link", name="Rename or delete").click()
    hold_against_axe(page)
    page.get_by_role("button", name="Delete Least certain").click()
    expect(page.get_by_role("heading", name="No saved view yet")).to_be_visible()


def test_ticked_cases_are_given_to_a_reader_after_a_look_at_what_will_happen(
    page, live_server, administrator, second, three
) -> None:
    open_worklist(page, live_server, administrator)
    hold_against_axe(page)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("x")
    expect(page.locator("#ticked")).to_have_text("2")
    page.get_by_role("combobox", name="With several cases").select_option("assign")
    page.get_by_role("button", name="Ticked cases").click()
    page.get_by_label("Reader").select_option(label="Second")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_text("It is done with 2 cases.")).to_be_visible()
    assert Assignment.objects.count() == 0
    hold_against_axe(page)
    page.get_by_role("button", name="Give to a reader: 2 cases").click()
    expect(page.get_by_text("Give to a reader: done with 2 cases.")).to_be_visible()
    expect(page.locator(f"#readers-{three[2].code}")).to_have_text("Given to Second")
    given = set(Assignment.objects.values_list("case", "reader"))
    assert given == {(case.pk, second.pk) for case in three[1:]}


def test_claims_states_and_numbers_change_without_reloading(
    page, live_server, colleague, second, three, review_as
) -> None:
    open_worklist(page, live_server, colleague)
    code = three[0].code
    expect(page.locator(f"#state-{code}")).to_have_text("Open")
    expect(page.locator("#tally-open")).to_have_text("3")
    page.locator(".case-code").first.focus()
    Claim.objects.create(case=three[0], reader=second, expires_at=timezone.now() + timedelta(minutes=9))
    look_again(page)
    expect(page.locator(f"#readers-{code}")).to_contain_text("Somebody reads it, until")
    expect(page.locator("#waiting")).to_have_text("2 cases wait for your reading.")
    review_as(second, three[0])
    look_again(page)
    expect(page.locator(f"#state-{code}")).to_have_text("Reviewed")
    expect(page.locator("#tally-open")).to_have_text("2")
    expect(page.locator("#tally-reviewed")).to_have_text("1")
    # What is over is asked for no more, and who reads on with the keyboard stays where they are.
    expect(page.locator(f"#worklist-live input[value='{code}']")).to_have_count(0)
    expect(page.locator(".case-code").first).to_be_focused()


def look_again(page: Page) -> None:
    """Come back to the page, as from another tab."""
    with page.expect_response("**/cases/live/**"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_list_is_read_by_keys(page, live_server, colleague, three) -> None:
    open_worklist(page, live_server, colleague)
    # Shown by the script that listens for the keys.
    expect(page.get_by_role("button", name="Keys")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert grave_faults(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.keyboard.type("njx")
    expect(page.get_by_label("Search")).to_have_value("njx")
    page.get_by_label("Search").fill("")
    page.get_by_label("Search").blur()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator(".case-code").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/cases/{three[2].code}/")
    page.go_back()
    page.keyboard.press("n")
    page.wait_for_url(f"**/cases/{three[0].code}/")
