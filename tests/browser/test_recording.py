"""A series' whole way in pictures: dragged in, read, sent, and found again in the archive that it came from.

`make screenshots` keeps them for docs/hospital-round.md. The series is the demonstration's simulated one.
"""

from __future__ import annotations

import base64
import zipfile

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from cases.analysis.model_versions import activate, register
from cases.analysis.worker import analyse
from cases.exchange.delivery import send_to
from cases.exchange.sendings import choose_rules
from cases.intake.originals import choose_originals
from cases.lifecycle import JobStatus, SendingMoment
from cases.models import Case, Job, Sending
from inference.manifest import default_manifest
from portal.demo import DEMO_DIR
from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in
from tests.browser.test_viewer import draw, open_case
from tests.browser.uploads import work_on_uploads
from tests.cases.exchange.test_orthanc import ACCOUNT, PLUG_IN, asked, orthanc, series_by_kind

__all__ = ["orthanc"]  # a fixture
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not PLUG_IN.is_file(), reason="needs Orthanc with its DICOMweb plug-in"),
]
DROPPED = """files => {
    const transfer = new DataTransfer();
    for (const [name, data] of files) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
    }
    return transfer;
}"""


def series() -> list[tuple[str, bytes]]:
    """The demonstration's files, by name."""
    with zipfile.ZipFile(DEMO_DIR / "series-dicom.zip") as archive:
        return [(name.rpartition("/")[2], archive.read(name)) for name in archive.namelist()]


@pytest.fixture
def archive(orthanc: str, administrator, cohort) -> str:
    """The hospital's archive, which has the series, and whose studies the cohort may keep the names of."""
    for _name, data in series():
        requests.post(f"{orthanc}/instances", data=data, auth=ACCOUNT, timeout=10).raise_for_status()
    choose_originals(by=administrator, cohort=cohort, keeps=True)
    choose_rules(by=administrator, cohort=cohort, moments={"web": SendingMoment.BY_HAND})
    return orthanc


def test_series_is_dragged_in_read_and_found_again_in_its_archive(
    page: Page, browser: Browser, live_server, owner, colleague, administrator, archive
) -> None:
    activate(by=None, version=register(by=None, manifest=default_manifest()))
    drag_in(page, live_server, owner)
    for job in Job.objects.filter(status=JobStatus.QUEUED):
        analyse(str(job.pk))
    case = Case.objects.get()
    read(page, live_server, colleague, case)
    send(page, live_server, administrator, case)
    (study,) = asked(archive, "/studies?expand")
    assert series_by_kind(archive, study) == ["MR", "OT", "OT", "SR", "SR"]
    profile = browser.new_context(http_credentials=dict(zip(("username", "password"), ACCOUNT, strict=True)))
    explorer = profile.new_page()
    explorer.goto(f"{archive}/app/explorer.html#study?uuid={study['ID']}")
    expect(explorer.locator("#list-series li").filter(has_text="SR").first).to_be_visible()
    keep(explorer, "round-5-found-again")
    profile.close()


def drag_in(page: Page, server, person) -> None:
    sign_in(page, server, person)
    page.goto(f"{server.url}/cases/upload/")
    files = [[name, base64.b64encode(data).decode()] for name, data in series()]
    transfer = page.evaluate_handle(DROPPED, files)
    page.dispatch_event("#drop-zone", "drop", {"dataTransfer": transfer})
    row = page.locator(".incoming")
    expect(row).to_have_attribute("data-incoming", "checking")
    work_on_uploads()
    expect(row).to_have_attribute("data-incoming", "proposed")
    expect(row.get_by_label("12 images")).to_be_checked()
    keep(page, "round-1-dragged-in")
    row.get_by_role("button", name="Create this case").click()
    expect(row).to_have_attribute("data-incoming", "creating")
    work_on_uploads()
    expect(row).to_have_attribute("data-incoming", "done")


def read(page: Page, server, person, case: Case) -> None:
    sign_in(page, server, person)
    open_case(page, server, case)
    page.get_by_role("button", name="Rectangle", exact=True).click()
    draw(page, page.locator("[data-stage=base]"), (104, 60), (128, 85))  # the lesion
    page.get_by_label("Agree", exact=True).check()
    page.get_by_role("radio", name="4 Sure").check()
    expect(page.locator("output[data-part=area]")).to_contain_text("mm²")
    keep(page, "round-2-read")
    page.get_by_role("button", name="Save review").click()
    page.get_by_role("button", name="Finish this case").click()
    expect(page.get_by_text("Final", exact=True)).to_be_visible()
    keep(page, "round-3-final")


def send(page: Page, server, person, case: Case) -> None:
    sign_in(page, server, person)
    page.goto(f"{server.url}/cases/{case.code}/")
    page.get_by_role("button", name="Send to the archive").click()
    expect(page.locator("h1")).to_be_visible()
    assert send_to("web") == 1
    assert [sending.state for sending in Sending.objects.all()] == ["sent"]
    page.goto(f"{server.url}/dashboard/sendings/")
    expect(page.locator("main")).to_contain_text(case.code)
    keep(page, "round-4-sent")
