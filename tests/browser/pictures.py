"""Pictures of whole pages, for people to look at."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import Page


def keep(page: Page, name: str) -> None:
    """Write the page as it is shown to the folder that SCREENSHOTS names; without one, nothing is drawn."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
