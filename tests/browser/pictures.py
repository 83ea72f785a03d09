"""Pictures of whole pages, for people to look at."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page, expect

# A viewer that neither shows its pictures in full depth nor says why it does not.
ON_ITS_WAY = "#viewer:not([data-drawn=depth], :has([data-part=fault]:not([hidden])))"


def wait_until_drawn(page: Page) -> None:
    """Wait for the page's modules and pictures, and no longer, as waiting for a quiet line would."""
    page.wait_for_load_state("load")
    expect(page.locator(ON_ITS_WAY)).to_have_count(0, timeout=60_000)


def keep(page: Page, name: str) -> None:
    """Write the page as it is shown to the folder that SCREENSHOTS names; without one, nothing is drawn."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
