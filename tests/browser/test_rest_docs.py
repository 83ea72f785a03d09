"""Swagger UI in a real browser, under our Content-Security-Policy: nothing comes from elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_document_is_drawn_and_a_request_is_tried(page: Page, live_server, colleague, cohort) -> None:
    asked: list[str] = []
    sign_in(page, live_server, colleague)
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live_server.url}/api/v1/docs/")
    operation = page.locator("#operations-cohorts-cohorts")
    expect(operation).to_contain_text("My cohorts and my rights in them")
    keep(page, "rest-docs")
    operation.locator("button").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"name": "North"')
    assert [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))] == []
