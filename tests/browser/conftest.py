"""A page in a real Chromium, before the portal on PostgreSQL, Valkey and a real worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from cases.models import ModelVersion
from tests.support import chromium, worker
from tests.support.live import DrainedServer
from tests.support.profiles import Profiles

# Two cores, two browsers that draw without a graphics card, and two workers beside them.
expect.set_options(timeout=20_000)
# Playwright's synchronous face runs an event loop in this thread; the ORM is used beside it, never inside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
# Playwright's own Node needs a library (libatomic) that a fresh Debian lacks; the pinned one does not.
os.environ["PLAYWRIGHT_NODEJS_PATH"] = str(chromium.NODE)


# A browser without a graphics card draws a canvas slowly; what is not about the canvas does without.
NO_WEBGL2 = """
const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind === "webgl2" ? null : real.call(this, kind, ...rest);
};
"""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for the whole run."""
    found = chromium.find()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=found.executable,
            args=list(found.arguments),
            env={**os.environ, **found.environment},
        )
        yield running
        running.close()


@pytest.fixture(scope="session")
def live_server() -> Iterator[LiveServer]:
    """pytest-django's, which can be drained."""
    server = LiveServer("localhost", start=False)
    server.thread.server_class = DrainedServer
    server.start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def at_rest(
    request: pytest.FixtureRequest,
    transactional_db: None,
    browser: Browser,
    live_server: LiveServer,
    profiles: Profiles,
) -> Iterator[None]:
    """Nothing of a test works on when the database is emptied: no page, no request, no job.

    It stands on `transactional_db`, so that it ends before that one does; the profiles that a test made by
    itself, or left open where it failed, are closed here.
    """
    server = live_server.thread.httpd
    server.open_doors()
    yield
    for profile in browser.contexts:
        if profile in profiles.kept.values():
            profiles.clean(profile, live_server.url)
        else:
            profile.close()
    server.drain()
    if "analysis_worker" in request.fixturenames:
        worker.settle()


@pytest.fixture(scope="session")
def profiles(browser: Browser) -> Profiles:
    """The profiles that outlive a test."""
    return Profiles(browser)


@pytest.fixture
def context(request: pytest.FixtureRequest, profiles: Profiles, at_rest: None) -> BrowserContext:
    """A profile that knows nobody and keeps nothing; what every page loads it has already."""
    return profiles.take(NO_WEBGL2 if "without_canvas" in request.fixturenames else "")


@pytest.fixture
def without_canvas(context: BrowserContext) -> None:
    """Pages show the server's drawing alone."""


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page; the test fails on an error that the page's own scripts raise or log."""
    fresh = context.new_page()
    errors: list[str] = []
    fresh.on("pageerror", lambda error: errors.append(str(error)))
    fresh.on("console", lambda said: errors.append(said.text) if _is_fault(said) else None)
    yield fresh
    assert errors == []


@pytest.fixture(scope="session")
def analysis_worker(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Path]:
    """A real worker on the test database; the path of its log."""
    if connection.vendor != "postgresql":
        pytest.fail("Browser tests need a real PostgreSQL and broker: run `python -m tests.run browser`.")
    with worker.running(connection.settings_dict, settings.CELERY_BROKER_URL) as log:
        # It has registered the network that ships; a test says itself which one is active.
        with django_db_blocker.unblock():
            ModelVersion.objects.all().delete()
        yield log


def _is_fault(said: ConsoleMessage) -> bool:
    """Chromium also logs each answer of 4xx; a refused file and a conflict are answers, not faults. Nor is it
    one that a page says good-bye to a case which is not there any more, or asks what comes after it.
    """
    if said.type != "error" or any(f"status of {code}" in said.text for code in (409, 422)):
        return False
    is_of_case_before = urlsplit(said.location["url"]).path.endswith(("/leave/", "/ahead/"))
    return not (is_of_case_before and "status of 404" in said.text)
