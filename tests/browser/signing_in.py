"""Signing in as a person does."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.accounts.models import User
from tests.cast import PASSWORD


def sign_in(page: Page, server: LiveServer, person: User) -> None:
    """Through the form, up to the worklist."""
    page.goto(f"{server.url}/accounts/sign-in/")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
