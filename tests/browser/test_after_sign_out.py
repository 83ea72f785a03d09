"""Back after a sign-out, in a browser that keeps whole pages for it."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.signing_in import open_worklist
from tests.support import chromium

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def keeping(browser) -> Iterator[Page]:
    """A page of a browser with its cache of pages on, which Playwright otherwise turns off."""
    found = chromium.find()
    other = browser.browser_type.launch(
        executable_path=found.executable,
        args=list(found.arguments),
        env={**os.environ, **found.environment},
        ignore_default_args=["--disable-back-forward-cache"],
    )
    yield other.new_page()
    other.close()


def test_back_after_a_sign_out_shows_nothing_of_the_pages_before(
    keeping, live_server, submitted_case, administrator
) -> None:
    open_worklist(keeping, live_server, administrator)
    keeping.goto(f"{live_server.url}/cases/{submitted_case.code}/")
    expect(keeping.get_by_text(submitted_case.code).first).to_be_visible()
    keeping.locator("summary", has_text=str(administrator)).click()
    keeping.get_by_role("button", name="Sign out").click()
    expect(keeping.get_by_role("heading", name="Sign in")).to_be_visible()
    sign_in = reverse("accounts:sign-in")
    for left in (f"/cases/{submitted_case.code}/", reverse("cases:worklist")):
        # Playwright's own way back waits for a page that the browser brings back and that loads itself anew.
        keeping.evaluate("history.back()")
        expect(keeping).to_have_url(f"{live_server.url}{sign_in}?next={left}")
        expect(keeping.get_by_role("heading", name="Sign in")).to_be_visible()
        assert submitted_case.code not in keeping.locator("body").inner_text()
