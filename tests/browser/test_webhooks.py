"""The pages of webhooks at a desk and on a telephone: nothing sticks out, and each control has its name."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from cases.exchange.webhooks.hooks import create_webhook
from cases.models import Webhook, WebhookDelivery
from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in
from tests.support.axe import grave_faults

pytestmark = [pytest.mark.django_db(transaction=True)]

LONG = "https://hooks.example.org/" + "a-path-that-has-to-break-somewhere-" * 4 + "0123456789abcdef" * 3


def test_webhook_is_made_and_its_page_fits_every_width(
    page: Page, live_server, administrator, cohort
) -> None:
    hook = create_webhook(by=administrator, cohort=cohort, url=LONG, events=["case.ready"])
    told = {"case": "K7QF-2M9D"}
    WebhookDelivery.objects.create(
        webhook=hook, event="case.ready", data=told, state="failed", attempts=8, failure="timeout"
    )
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/webhooks/")
    page.get_by_label("Address").fill("https://hooks.example.org/b")
    page.get_by_label("A review is final").check()
    page.get_by_role("button", name="Add").click()
    expect(page.locator(".secret")).to_contain_text("whsec_")
    assert Webhook.objects.get(url="https://hooks.example.org/b").events == ["review.final"]
    for width in (390, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for name, path in (("webhooks", ""), ("webhook", f"{hook.pk}/")):
            page.goto(f"{live_server.url}/dashboard/webhooks/{path}")
            keep(page, f"{name}-{width}")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
            assert grave_faults(page) == []
