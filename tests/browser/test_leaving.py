"""A page that goes frees its place in the case; one that is loaded again keeps it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from cases.models import Claim
from tests.browser.signing_in import sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from cases.models import Case
    from portal.accounts.models import User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_canvas")]


def test_case_left_by_a_link_is_free_at_once_and_one_loaded_again_is_held(
    page: Page, live_server: LiveServer, colleague: User, ready_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    first = Claim.objects.get().expires_at
    page.reload()
    expect(page.get_by_role("heading", name="Your reading")).to_be_visible()
    assert Claim.objects.get().expires_at > first
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Worklist").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    for _ in range(100):
        if not Claim.objects.exists():
            return
        time.sleep(0.05)
    raise AssertionError("The place is still held.")
