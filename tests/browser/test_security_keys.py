"""A security key in a real browser, with Chromium's virtual authenticator."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.accounts.models import SecurityKey, User
from tests.browser.signing_in import sign_in_by_form
from tests.cast import PASSWORD


class VirtualKey:
    """The browser's own authenticator, which somebody touches or does not."""

    def __init__(self, page: Page) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        options = {"protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": True}
        made = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        self._name: dict[str, Any] = {"authenticatorId": made["authenticatorId"]}

    def forget(self) -> None:
        """It is another key from now on, which knows nobody."""
        self._session.send("WebAuthn.clearCredentials", self._name)


@pytest.fixture
def key(page: Page) -> VirtualKey:
    return VirtualKey(page)


def give_password(page: Page, server: LiveServer, person: User) -> None:
    page.goto(f"{server.url}/accounts/sign-in/")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()


def add(page: Page, server: LiveServer, name: str) -> None:
    page.goto(f"{server.url}/accounts/second-factor/keys/add/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add it").click()


def sign_out(page: Page) -> None:
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_key_is_added_signs_in_and_is_removed(
    page: Page, live_server: LiveServer, colleague: User, key: VirtualKey
) -> None:
    sign_in_by_form(page, live_server, colleague)
    add(page, live_server, "Office")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    add(page, live_server, "Once more")
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text("You have added this key already.")
    assert SecurityKey.objects.count() == 1

    sign_out(page)
    give_password(page, live_server, colleague)
    page.get_by_role("button", name="Use a security key").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
    assert SecurityKey.objects.get().used_at is not None

    page.goto(f"{live_server.url}/accounts/second-factor/")
    page.get_by_role("button", name="Remove “Office”").click()
    expect(page.get_by_text("It is removed, and opens nothing any more.")).to_be_visible()
    assert not SecurityKey.objects.exists()
    sign_out(page)
    sign_in_by_form(page, live_server, colleague)


def test_key_that_is_not_the_persons_opens_nothing(
    page: Page, live_server: LiveServer, colleague: User, key: VirtualKey
) -> None:
    sign_in_by_form(page, live_server, colleague)
    add(page, live_server, "Office")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page)
    key.forget()
    give_password(page, live_server, colleague)
    page.get_by_role("button", name="Use a security key").click()
    expect(page.get_by_role("alert").filter(visible=True)).to_have_text(
        "No security key has answered. Try again."
    )
    page.goto(f"{live_server.url}/cases/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert SecurityKey.objects.get().used_at is None
