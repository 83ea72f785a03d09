"""Browser profiles that outlive a test, so that scripts and styles are loaded and compiled once."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, BrowserContext

# All that a page can leave behind but the cache of files, whose names change with what is in them.
LEFT_BEHIND = "cookies,local_storage,indexeddb,cache_storage,service_workers,websql,file_systems"


class Profiles:
    """One profile for each script that runs before a page's own; `clean` makes it a stranger's again.

    A test that adds a script of its own gets its way, and the profile is closed with it: nothing takes such
    a script out again.
    """

    def __init__(self, browser: Browser) -> None:
        self.kept: dict[str, BrowserContext] = {}
        self._browser = browser

    def take(self, script: str) -> BrowserContext:
        """The clean profile with this script before each page's own, or with none."""
        if self.kept.get(script) not in self._browser.contexts:
            self.kept[script] = self._made(script)
        return self.kept[script]

    def clean(self, profile: BrowserContext, origin: str) -> None:
        """Close what is open there, and take away what its pages have stored."""
        for page in profile.pages:
            page.close()
        profile.unroute_all()
        profile.clear_cookies()
        blank = profile.new_page()
        profile.new_cdp_session(blank).send(
            "Storage.clearDataForOrigin", {"origin": origin, "storageTypes": LEFT_BEHIND}
        )
        blank.close()

    def _made(self, script: str) -> BrowserContext:
        made = self._browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        if script:
            made.add_init_script(script)
        added = made.add_init_script

        def add_init_script(*args: Any, **options: Any) -> Any:
            self.kept = {script: kept for script, kept in self.kept.items() if kept is not made}
            return added(*args, **options)

        made.add_init_script = add_init_script  # type: ignore[method-assign]
        return made
