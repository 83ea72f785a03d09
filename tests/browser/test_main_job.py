"""The main job, end to end: sign in, upload, watch, read, disagree, and fetch the review over REST."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import pytest
from django.core.files.base import ContentFile
from PIL import Image as PillowImage
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from cases import storage
from cases.analysis import jobs
from cases.analysis.model_versions import activate, register
from cases.intake.uploads import submit_file
from cases.models import Case, Cohort, Draft, Image, Job, Review
from inference.manifest import default_manifest
from portal.accounts.models import User
from portal.demo import DEMO_DIR
from tests.browser.signing_in import sign_in, sign_in_by_form
from tests.cast import make_png_bytes, token_of

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.real_broker,
    pytest.mark.usefixtures("without_canvas"),
]

ANALYSED = 60_000  # milliseconds that an analysis may take


@pytest.fixture
def picture() -> Path:
    """A real MR image where the labelled data is at hand, a simulated one elsewhere."""
    if folder := os.environ.get("SECONDREAD_DATA"):
        return min((Path(folder) / "images" / "meningioma").iterdir())
    return DEMO_DIR / "simulated-16.png"


@pytest.fixture
def reader(make_person: Callable[..., User], cohort: Cohort) -> User:
    return make_person("reader", cohort, "radiologist")


def upload(page: Page, server: LiveServer, *files: Path) -> None:
    page.goto(f"{server.url}/cases/upload/")
    page.locator("#files").set_input_files([str(file) for file in files])


def export(page: Page, server: LiveServer, person: User) -> list[dict[str, object]]:
    """What a script gets with the person's token."""
    token = token_of(person)
    answer = page.request.get(
        f"{server.url}/api/v1/reviewed-cases/", headers={"Authorization": f"Token {token}"}
    )
    assert answer.status == 200, answer.text()
    results: list[dict[str, object]] = answer.json()["results"]
    return results


def assert_pictures_are_real(page: Page, server: LiveServer, image: Image) -> None:
    """Each address that the page gives leads, with the page's own session, to a picture that decodes."""
    full = (image.width, image.height)
    for selector, attribute, size in (
        ("image[data-part=base]", "href", full),
        ("image[data-part=map]", "href", None),
        ("a[data-part=overlay]", "href", full),
    ):
        address = page.locator(selector).first.get_attribute(attribute)
        assert address, selector
        answer = page.request.get(urljoin(server.url, address))
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png"), selector
        picture = PillowImage.open(io.BytesIO(answer.body()))
        picture.load()
        # A map stays on its layer's own square grid, which is smaller than the picture.
        expected = size or (picture.height, picture.height)
        assert picture.size == expected, selector
        assert max(picture.size) <= max(full), selector


@pytest.fixture
def take_in(reader: User, cohort: Cohort) -> Callable[[bytes], Case]:
    """Submit a file for the shipped network."""

    def submit(data: bytes) -> Case:
        receipt = submit_file(by=reader, cohort=cohort, file=ContentFile(data))
        assert receipt.case is not None
        return receipt.case

    return submit


def test_uploaded_picture_is_analysed_read_and_exported(
    page: Page, live_server, analysis_worker, reader, exporter, picture
) -> None:
    sign_in_by_form(page, live_server, reader)
    upload(page, live_server, picture)
    row = page.locator(".upload-row").filter(has_text=picture.name)
    expect(row).to_contain_text("Ready", timeout=ANALYSED)

    row.get_by_role("link").first.click()
    case = Case.objects.get()
    expect(page.get_by_role("heading", name=case.code)).to_be_visible()
    expect(page.locator("[data-part=map]")).to_have_count(1)
    predicted = Image.objects.get().predictions.get()
    correction = "Meningioma" if predicted.predicted_class != "meningioma" else "Glioma"

    page.get_by_label("Disagree").check()
    page.get_by_role("radio", name=correction).check()
    page.locator("input[name=confidence][value='4']").check()
    page.get_by_label("Comment").fill("Dural tail; broad base.")
    page.get_by_role("button", name="Save review").click()
    expect(page.get_by_text("Dural tail; broad base.").first).to_be_visible()
    assert export(page, live_server, exporter) == []
    page.get_by_role("button", name="Finish this case").click()
    expect(page.get_by_text("Final", exact=True)).to_be_visible()

    (row_of_export,) = export(page, live_server, exporter)
    assert row_of_export["case"] == case.code
    assert row_of_export["verdict"] == "disagree"
    assert row_of_export["final_class"] == row_of_export["corrected_class"] == correction.lower()
    assert row_of_export["reader_confidence"] == 4
    assert row_of_export["comment"] == "Dural tail; broad base."
    assert row_of_export["predicted_class"] == predicted.predicted_class
    assert row_of_export["probabilities"] == pytest.approx(predicted.probability_by_class)


def test_bad_files_are_refused_one_by_one_and_the_good_one_goes_on(
    page: Page, live_server, analysis_worker, reader, tmp_path
) -> None:
    good, words, cut, empty = (tmp_path / name for name in ("good.png", "words.png", "cut.png", "empty.png"))
    good.write_bytes(make_png_bytes(seed=1))
    words.write_text("no picture at all, only words")
    cut.write_bytes(make_png_bytes(seed=2)[:-300])
    empty.touch()
    sign_in(page, live_server, reader)
    upload(page, live_server, good, words, cut, empty)
    rows = page.locator(".upload-row")
    expect(rows.filter(has_text="good.png")).to_contain_text("Ready", timeout=ANALYSED)
    expect(rows.filter(has_text="words.png")).to_contain_text("not an image")
    expect(rows.filter(has_text="cut.png")).to_contain_text("Refused")
    expect(rows.filter(has_text="empty.png")).to_contain_text("empty")
    assert Case.objects.count() == Job.objects.count() == 1


def test_analysis_that_waits_or_fails_says_why_and_goes_on_from_the_page(
    page: Page, live_server, analysis_worker, reader, submit
) -> None:
    case = submit(seed=3)  # for a network of the cast, which this worker does not have
    image = case.images.get()
    sign_in(page, live_server, reader)
    page.goto(f"{live_server.url}/cases/{case.code}/")
    expect(page.get_by_text("The files of this network are missing on a worker")).to_be_visible(
        timeout=ANALYSED
    )
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    # The network is there, and now the picture is not.
    picture = storage.load(image.file)
    storage.discard(image.file)
    version = register(by=None, manifest=default_manifest())
    activate(by=None, version=version)
    Job.objects.update(model_version=version)
    assert jobs.enqueue(image.jobs.get().pk)
    expect(page.get_by_text("The stored image is missing.")).to_be_visible(timeout=ANALYSED)
    assert storage.store("images", picture, ".png") == image.file
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Save review")).to_be_visible(timeout=ANALYSED)


def test_whole_review_works_without_javascript(
    browser, live_server, analysis_worker, reader, exporter, picture
) -> None:
    context: BrowserContext = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in_by_form(page, live_server, reader)
    upload(page, live_server, picture)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".upload-row")).to_have_count(1)
    case = Case.objects.get()
    for _ in range(60):
        page.goto(f"{live_server.url}/cases/{case.code}/")
        if page.get_by_role("button", name="Save review").count():
            break
        page.wait_for_timeout(500)
    assert_pictures_are_real(page, live_server, Image.objects.get())
    expect(page.get_by_text("what you typed below is lost")).to_be_visible()
    page.get_by_label("Agree", exact=True).check()
    page.get_by_role("radio", name="Certain").check()
    page.get_by_role("button", name="Save review").click()
    page.get_by_role("button", name="Finish this case").click()
    assert Review.objects.get().verdict == "agree"
    (row,) = export(page, live_server, exporter)
    assert (row["verdict"], row["reader_confidence"], row["corrected_class"]) == ("agree", 5, None)
    context.close()


def test_second_tab_is_told_of_the_newer_review_and_keeps_its_text(
    context: BrowserContext, live_server, analysis_worker, reader, take_in, picture
) -> None:
    case = take_in(picture.read_bytes())
    first, second = context.new_page(), context.new_page()
    sign_in(first, live_server, reader)
    address = f"{live_server.url}/cases/{case.code}/"
    first.goto(address)
    expect(first.get_by_role("button", name="Save review")).to_be_visible(timeout=ANALYSED)
    second.goto(address)
    for tab, words in ((first, "from the first tab"), (second, "from the second tab")):
        tab.get_by_label("Agree", exact=True).check()
        tab.get_by_role("radio", name="Certain").check()
        tab.get_by_label("Comment").fill(words)
        tab.get_by_role("button", name="Save review").click()
    expect(second.get_by_text("from the first tab").first).to_be_visible()
    expect(second.locator("body")).to_contain_text("from the second tab")
    assert Draft.objects.get().fields["comment"] == "from the first tab"
