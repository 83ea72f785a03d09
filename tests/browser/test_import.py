"""Importing from a folder in a browser: a subfolder is chosen, looked at, confirmed, and received."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cases.models import Case
from tests.browser.signing_in import sign_in
from tests.browser.test_pages import look_at
from tests.browser.uploads import work_on_uploads
from tests.cases.intake.hospital import slice_file

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_version")]


@pytest.fixture
def archive(tmp_path: Path, settings) -> Path:
    """A folder of two sites, the first of which has a series, a copy of a slice, and a word."""
    for at in range(1, 13):
        (tmp_path / f"Site {at}").mkdir()
    site = tmp_path / "Site 2"
    for at in range(4):
        (site / f"IM{at}").write_bytes(slice_file(float(at)))
    (site / "IM4").write_bytes(slice_file(0.0))
    (site / "words.txt").write_text("no picture at all")
    settings.IMPORT_FOLDERS = {"Archive": tmp_path, "A trial of long ago with a long name": tmp_path}
    return tmp_path


def test_folder_is_chosen_looked_at_and_becomes_cases(
    page: Page, live_server, administrator, cohort, archive
) -> None:
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/dashboard/study/?cohort={cohort.pk}")
    page.get_by_role("link", name="Import from a folder").click()
    page.get_by_role("link", name="Archive", exact=True).click()
    expect(page.locator(".folders--below a").nth(1)).to_have_text("Site 2")
    page.get_by_role("link", name="Site 2", exact=True).click()
    expect(page.get_by_text("6 files lie here themselves.")).to_be_visible()
    page.get_by_role("button", name="Look at this folder").click()
    row = page.locator("[data-incoming]")
    expect(row).to_contain_text("Archive/Site 2")
    work_on_uploads()
    # The row asks by itself.
    expect(row).to_contain_text("1 case would be made.")
    chosen = f"/dashboard/study/import/?cohort={cohort.pk}&folder=Archive"
    look_at(page, live_server.url, chosen, "import")
    page.get_by_role("button", name="Create this case").click()
    expect(row).to_have_attribute("data-incoming", "creating")
    work_on_uploads()
    expect(row).to_have_attribute("data-incoming", "done")
    expect(page.get_by_role("link", name=Case.objects.get().code, exact=True)).to_be_visible()
    look_at(page, live_server.url, chosen, "import-done")
