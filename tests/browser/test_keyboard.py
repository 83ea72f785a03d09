"""The whole review by keyboard alone, and where the focus is after each page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from cases.models import Adjudication, Case, Review, TeachingRead
from portal.accounts.models import User
from tests.browser.signing_in import sign_in
from tests.browser.test_blinded_reading import press

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_canvas")]


def test_other_finding_with_words_and_an_amendment_with_its_reason(
    page: Page, live_server: LiveServer, colleague: User, ready_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    press(page, "t", "3", "f")
    expect(page.get_by_role("heading", name=ready_case.code)).to_be_visible()
    page.keyboard.type("Abscess")
    press(page, "Escape", "s")
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    expect(page.get_by_text("Saved. You can undo it until you go on to another case.")).to_be_focused()
    page.get_by_role("button", name="Finish this case").press("Enter")
    expect(page.get_by_text("Final", exact=True)).to_be_visible()
    assert Review.objects.get().other_finding == "Abscess"

    press(page, "m")
    expect(page.get_by_role("heading", name="Amend your review")).to_be_visible()
    press(page, "y", "5", "x")
    page.keyboard.type("Motion hides the lesion.")
    press(page, "Control+Enter")
    expect(page.get_by_text("Your amended review is saved.")).to_be_focused()
    amended = Review.objects.get(amends__isnull=False)
    assert (amended.final_class, amended.confidence) == ("unreadable", 5)


def test_key_means_the_same_class_whatever_the_network_says(
    page: Page, live_server: LiveServer, colleague: User, ready_case: Case
) -> None:
    """The network says glioma, so that only the other classes are listed to take instead."""
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    press(page, "w")
    expect(page.get_by_role("radio", name="Meningioma")).to_be_checked()
    expect(page.get_by_label("Disagree")).to_be_checked()
    press(page, "q")
    expect(page.get_by_label("Agree", exact=True)).to_be_checked()
    press(page, "e")
    expect(page.get_by_role("radio", name="No tumour")).to_be_checked()
    expect(page.get_by_label("Disagree")).to_be_checked()


def test_what_is_wrong_takes_the_focus(
    page: Page, live_server: LiveServer, colleague: User, ready_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    page.wait_for_load_state("load")
    assert page.evaluate("document.activeElement.tagName") == "H1"
    press(page, "s")
    expect(page.get_by_role("alert").first).to_be_focused()
    assert not Review.objects.exists()


def test_teaching_is_answered_and_drawn_again(
    page: Page,
    live_server: LiveServer,
    colleague: User,
    under_protocol: Callable[..., object],
    submit: Callable[..., Case],
    analyse_as: Callable[..., None],
) -> None:
    under_protocol(reading="teaching")
    cases = [submit(seed=seed, ground_truth="glioma") for seed in (1, 2)]
    for case in cases:
        analyse_as(case)
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/teaching/{cases[0].code}/")
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "Escape", "q", "4", "s")
    expect(page.get_by_role("heading", name="You were right")).to_be_visible()
    press(page, "n")
    expect(page.get_by_role("heading", name=cases[1].code)).to_be_visible()
    assert TeachingRead.objects.get().read_class == "glioma"


def test_dispute_is_decided(
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
    review_as(colleague, ready_case)
    review_as(second, ready_case, corrected="meningioma")
    sign_in(page, live_server, referee)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/adjudicate/")
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    press(page, "Escape", "w", "5", "c")
    page.keyboard.type("Dural tail.")
    press(page, "Control+Enter")
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    press(page, "u")
    expect(page.get_by_label("Comment")).to_have_value("Dural tail.")
    press(page, "Control+Enter")
    expect(page.get_by_text("Preliminary", exact=True)).to_be_visible()
    press(page, "n")
    expect(page.get_by_text("No case waits for your adjudication.")).to_be_visible()
    decision = Adjudication.objects.get()
    assert (decision.final_class, decision.confidence, decision.comment) == ("meningioma", 5, "Dural tail.")
