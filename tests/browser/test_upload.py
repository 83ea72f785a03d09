"""The upload page: what becomes of files picked too early, of those that are refused, and of a series
that is cut off on its way, looked at and confirmed.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from cases.models import Case, Cohort, IncomingUpload
from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in
from tests.browser.uploads import work_on_uploads
from tests.cases.intake.hospital import slice_file
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


@pytest.fixture
def series(tmp_path: Path) -> list[str]:
    """Slices of two series in one folder, and a file that is no picture."""
    for at in range(6):
        (tmp_path / f"IM{at}").write_bytes(slice_file(float(at)))
    for at in range(3):
        elements = {"SeriesInstanceUID": "1.2.3.77", "seed": 50 + at}
        (tmp_path / f"IM{at}.dcm").write_bytes(slice_file(float(at), **elements))
    (tmp_path / "notes.dcm").write_bytes(random.Random(1).randbytes(3000))
    return sorted(str(path) for path in tmp_path.iterdir())


def abort_all_but_the_first(route: Route) -> None:
    """The line breaks once the first piece is here."""
    is_first = route.request.headers.get("upload-offset") == "0"
    if route.request.method == "PATCH" and not is_first:
        route.abort()
    else:
        route.continue_()


@pytest.mark.usefixtures("model_version")
def test_series_that_was_cut_off_goes_on_in_a_new_tab_and_is_confirmed_by_its_preview(
    page: Page, live_server, make_person, cohort, series, settings
) -> None:
    settings.UPLOAD_PIECE_MAX_BYTES = 16384
    sign_in(page, live_server, make_person("reader", cohort, "radiologist"))
    cut = page.context.new_page()
    cut.route("**/api/v1/resumable-uploads/*/", abort_all_but_the_first)
    cut.goto(f"{live_server.url}/cases/upload/")
    with cut.expect_event("requestfailed"):
        cut.locator("#files").set_input_files(series)
    assert IncomingUpload.objects.get().offset == 16384
    cut.close()

    page.goto(f"{live_server.url}/cases/upload/")
    row = page.locator(".incoming")
    expect(row).to_have_attribute("data-incoming", "receiving")
    expect(row).to_contain_text("Interrupted")
    keep(page, "upload-interrupted")
    offsets: list[str] = []
    page.on("request", lambda sent: offsets.append(sent.headers.get("upload-offset", "")))
    page.locator("#files").set_input_files(series)
    expect(row).to_have_attribute("data-incoming", "checking")
    assert next(offset for offset in offsets if offset) == "16384"
    assert IncomingUpload.objects.count() == 1

    work_on_uploads()
    expect(row).to_have_attribute("data-incoming", "proposed")
    expect(row).to_contain_text("2 cases would be made.")
    expect(row).to_contain_text("1 file refused")
    keep(page, "upload-preview")
    page.set_viewport_size({"width": 390, "height": 844})
    keep(page, "upload-preview-390")
    page.set_viewport_size({"width": 1440, "height": 900})
    assert not Case.objects.exists()
    row.get_by_label("3 images").uncheck()
    row.get_by_role("button", name="Create the ticked cases").click()
    expect(row).to_have_attribute("data-incoming", "creating")
    work_on_uploads()
    expect(row).to_have_attribute("data-incoming", "done")
    expect(row).to_contain_text("3 files left out, as you chose.")
    keep(page, "upload-done")
    assert Case.objects.get().images.count() == 6
