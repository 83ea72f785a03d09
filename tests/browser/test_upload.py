"""The upload page: what becomes of files that are picked too early, and of those that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from cases.models import Case, Cohort
from tests.browser.signing_in import sign_in
from tests.cast import make_png_bytes

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("without_canvas")]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    (tmp_path / "good.png").write_bytes(make_png_bytes(seed=1))
    (tmp_path / "words.png").write_text("no picture at all, only words")
    return [str(tmp_path / name) for name in ("good.png", "words.png")]


def test_files_picked_before_the_cohort_are_kept_and_sent_and_the_refused_counted(
    page: Page, live_server, make_person, cohort, files
) -> None:
    reader = make_person("reader", cohort, "radiologist")
    other = Cohort.objects.create(name="Another")
    other.memberships.create(user=reader, role="radiologist")
    sign_in(page, live_server, reader)
    page.goto(f"{live_server.url}/cases/upload/")
    for file in files:
        page.locator("#files").set_input_files(file)
    held = page.locator("#upload-held")
    expect(held).to_have_text("Files that wait for a cohort: 2. Choose the cohort above, and they are sent.")
    expect(page.locator(".upload-row")).to_have_count(0)

    page.get_by_label("Cohort", exact=True).select_option(str(other.pk))

    expect(page.locator("#upload-summary")).to_have_text("2 of 2 sent, 1 of them refused")
    expect(held).to_be_hidden()
    assert Case.objects.get().cohort == other
