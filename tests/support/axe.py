"""axe-core on a page: what stands in the way of a reader with a screen reader or a keyboard."""

from __future__ import annotations

from functools import cache

from playwright.sync_api import Page

from tests.support.chromium import ROOT

SOURCE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
GRAVE = {"serious", "critical"}


@cache
def _source() -> str:
    return SOURCE.read_text()


def grave_faults(page: Page) -> list[str]:
    """The serious and critical faults of the page as it is shown, each with the first place it is at."""
    # A page that is looked at in several widths has it from the first one.
    if not page.evaluate("'axe' in window"):
        page.evaluate(_source())
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {fault['nodes'][0]['target']} {fault['help']}"
        for fault in found["violations"]
        if fault["impact"] in GRAVE
    ]
