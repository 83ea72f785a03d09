"""Signing in: with a session that is there already, or as a person does."""

from __future__ import annotations

from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from portal.accounts.models import User
from tests.cast import PASSWORD


def sign_in(page: Page, server: LiveServer, person: User) -> None:
    """Give the page's browser a session of the person; no page is opened.

    The form is what `sign_in_by_form` is for: one walk through it says what a hundred would.
    """
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    page.context.add_cookies(
        [
            {
                "name": name,
                "value": client.cookies[name].value,
                "url": server.url,
                "httpOnly": True,
                "sameSite": "Lax",
            }
        ]
    )


def open_worklist(page: Page, server: LiveServer, person: User) -> None:
    """The worklist, as the person sees it who has just come in."""
    sign_in(page, server, person)
    page.goto(f"{server.url}/cases/")
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()


def sign_in_by_form(page: Page, server: LiveServer, person: User) -> None:
    """Through the form, up to the worklist."""
    page.goto(f"{server.url}/accounts/sign-in/")
    page.get_by_label("E-mail address").fill(person.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Worklist")).to_be_visible()
