"""Contrast of a page as it is shown, measured in the browser (contrast.js)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).with_name("contrast.js")
# Enhanced contrast (WCAG 2.2, 1.4.6): what is read for hours in a dark room.
ENHANCED = {"least": 7.0, "leastOfLarge": 4.5}
FEWEST = 20


@cache
def _source() -> str:
    return SOURCE.read_text("utf-8")


def faint(page: Page) -> list[str]:
    """What falls short, with its ratio: texts of 7:1 (large ones 4.5:1), controls and focus rings of 3:1."""
    found = page.evaluate(_source(), ENHANCED)
    assert found["measured"] > FEWEST
    faults: list[str] = found["faults"]
    return faults
