"""What only a browser can tell of reading and uploading: geometry on the screen, keys, a line that breaks."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image as PillowImage
from playwright.sync_api import BrowserContext, expect

from cases.analysis import jobs
from cases.intake.uploads import submit_file
from cases.models import Case, Image, Review
from inference.heatmaps import MapSet, pack
from tests.browser.signing_in import open_worklist, sign_in, sign_in_by_form
from tests.cast import CLASSES, make_png_bytes, sha256_of

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.fixture
def case_with_one_spot(owner, cohort, model_version) -> Case:
    """A black picture of 500 x 300 pixels; its map of 8 x 8 fields has one lit field, off the centre.

    Field (row 3, column 6) of the square of 500 is centred at (406.25, 218.75) there, which is
    (406.25, 118.75) in the picture, whose upper edge lies at 100.
    """
    stream = io.BytesIO()
    PillowImage.new("L", (500, 300), 0).save(stream, "PNG")
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(stream.getvalue()))
    values = np.zeros((4, 8, 8), np.uint8)
    values[0, 3, 6] = 255
    maps = MapSet(("conv_3",), CLASSES, {"conv_3": values}, {"conv_3": np.ones(4, np.float32)})
    claim = jobs.lease(Image.objects.get().jobs.get().pk)
    assert claim is not None
    shares = dict(zip(CLASSES, (0.7, 0.1, 0.1, 0.1), strict=True))
    assert jobs.complete(claim, jobs.Result("glioma", shares, pack(maps), 0.1))
    assert receipt.case is not None
    return receipt.case


@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_spot_of_the_map_lies_on_its_place_in_the_picture(
    width, page, live_server, colleague, case_with_one_spot
) -> None:
    sign_in(page, live_server, colleague)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/cases/{case_with_one_spot.code}/?opacity=100")
    page.wait_for_selector("#viewer[data-drawn=depth]", timeout=60_000)
    shown = PillowImage.open(io.BytesIO(page.locator("[data-stage=heat]").screenshot())).convert("L")
    light = np.asarray(shown, float)
    light[light < 40] = 0  # the page's ground shows at the rounded corners
    rows, columns = np.mgrid[0 : shown.height, 0 : shown.width]
    x = (light * columns).sum() / light.sum() * 500 / shown.width
    y = (light * rows).sum() / light.sum() * 300 / shown.height
    assert shown.width / shown.height == pytest.approx(500 / 300, rel=0.02)
    assert (x, y) == pytest.approx((406.25, 118.75), abs=4)


@pytest.mark.usefixtures("without_canvas")
def test_case_is_reviewed_by_keys_and_letters_in_the_comment_are_letters(
    page, live_server, colleague, ready_case
) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    for needed_without_scripts in page.locator("[data-no-script]").all():
        expect(needed_without_scripts).to_be_hidden()
    corrected = page.get_by_role("group", name="Which class do you see instead?")
    expect(corrected).to_be_hidden()
    page.keyboard.press("d")
    expect(corrected).to_be_visible()
    page.keyboard.press("a")
    expect(corrected).to_be_hidden()
    page.keyboard.press("5")
    page.get_by_label("Comment").focus()
    page.keyboard.type("sad 1 n")
    expect(page.get_by_label("Comment")).to_have_value("sad 1 n")
    page.get_by_role("button", name="Save review").click()
    page.get_by_role("button", name="Finish this case").click()
    expect(page.get_by_text("Final", exact=True)).to_be_visible()
    review = Review.objects.get()
    assert (review.verdict, review.final_class, review.confidence) == ("agree", "glioma", 5)
    assert review.comment == "sad 1 n"


def test_viewer_follows_its_controls_at_once(page, live_server, colleague, ready_case) -> None:
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{ready_case.code}/")
    heat = page.locator("[data-part=map]")
    expect(page.get_by_role("button", name="Apply")).to_be_hidden()
    page.get_by_label("Layer").select_option("conv_1")
    expect(page.locator("[data-part=grid]")).to_have_text("32 \u00d7 32")
    page.get_by_label("Class", exact=True).select_option("pituitary")
    expect(page.get_by_text("No positive evidence for Pituitary tumour in this layer")).to_be_visible()
    page.get_by_label("Colours").select_option("viridis")
    page.get_by_label("Opacity").fill("80")
    expect(heat).to_have_attribute("opacity", "0.8")
    expect(heat).to_have_attribute(
        "href", re.compile(r"/conv_1/pituitary\.png\?colours=viridis&interpolation=linear$")
    )
    page.reload()
    expect(heat).to_have_attribute("opacity", "0.8")
    expect(page.get_by_label("Layer")).to_have_value("conv_1")


def test_state_on_the_worklist_changes_without_reloading(
    page, live_server, colleague, submitted_case, analyse_as
) -> None:
    open_worklist(page, live_server, colleague)
    state = page.locator(f"#analysis-{submitted_case.code}")
    expect(state).to_have_text("Queued")
    analyse_as(submitted_case)
    expect(state).to_have_text("Ready")
    expect(page.locator(f"#result-{submitted_case.code}")).to_contain_text("Glioma")
    # The worker is done with it; what readers do is asked for less often.
    expect(page.locator("#worklist-live")).to_have_attribute("hx-trigger", re.compile("^every 15s"))


def test_upload_over_a_broken_line_says_so_and_can_be_tried_again(
    context: BrowserContext, live_server, owner, cohort, model_version, tmp_path: Path
) -> None:
    page = context.new_page()
    sign_in(page, live_server, owner)
    picture = tmp_path / "slice.png"
    picture.write_bytes(make_png_bytes())
    page.goto(f"{live_server.url}/cases/upload/")
    page.route(
        "**/cases/upload/",
        lambda route: route.abort() if route.request.method == "POST" else route.fallback(),
    )
    page.locator("#files").set_input_files(str(picture))
    expect(page.get_by_text("The connection broke. Try again")).to_be_visible()
    assert Case.objects.count() == 0
    page.unroute("**/cases/upload/")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".upload-row")).to_contain_text("Queued")
    assert Case.objects.count() == 1


def test_files_sent_as_one_case_are_its_slices_in_the_order_of_their_names(
    context: BrowserContext, live_server, owner, cohort, model_version, analyse_as, tmp_path: Path
) -> None:
    page = context.new_page()
    sign_in(page, live_server, owner)
    page.goto(f"{live_server.url}/cases/upload/")
    page.get_by_label("All files are the slices of one case").check()
    for number in (1, 2, 3, 10, 11):
        (tmp_path / f"slice{number}.png").write_bytes(make_png_bytes(seed=number))
    (tmp_path / "notes.png").write_text("no picture")
    page.route(
        "**/cases/upload/",
        lambda route: route.abort() if route.request.method == "POST" else route.fallback(),
    )
    page.locator("#files").set_input_files(sorted(str(path) for path in tmp_path.iterdir()))
    row = page.locator(".upload-row")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("6 files as one case")
    expect(row).to_contain_text("The connection broke. Try again")
    assert Case.objects.count() == 0
    page.unroute("**/cases/upload/")
    page.get_by_role("button", name="Try again").click()
    expect(row).to_have_count(2)
    expect(row.first).to_contain_text("5 files as one case")
    expect(row.first).to_contain_text("0 of 5 analysed")
    expect(row.last).to_contain_text("notes.png")
    expect(row.last).to_contain_text("not an image")
    expect(page.locator("#upload-summary")).to_have_text("6 of 6 sent, 1 of them refused")
    case = Case.objects.get()
    assert [image.source_sha256 for image in case.images.order_by("position")] == [
        sha256_of(make_png_bytes(seed=number)) for number in (1, 2, 3, 10, 11)
    ]
    row.first.get_by_text("In this order").click()
    expect(row.first.get_by_role("listitem")).to_have_text([f"slice{n}.png" for n in (1, 2, 3, 10, 11)])
    for position in (4, 0, 2):
        analyse_as(case, position=position)
    expect(row.first).to_contain_text("3 of 5 analysed")
    for position in (1, 3):
        analyse_as(case, position=position)
    expect(row.first).to_contain_text("Ready")


def test_upload_after_the_session_ended_says_so_and_goes_on_after_signing_in(
    context: BrowserContext, live_server, owner, cohort, model_version, tmp_path: Path
) -> None:
    page = context.new_page()
    sign_in(page, live_server, owner)
    page.goto(f"{live_server.url}/cases/upload/")
    context.clear_cookies(name="sessionid")
    picture = tmp_path / "slice.png"
    picture.write_bytes(make_png_bytes())
    page.locator("#files").set_input_files(str(picture))
    expect(page.get_by_text("You are no longer signed in.")).to_be_visible()
    sign_in_by_form(context.new_page(), live_server, owner)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".upload-row")).to_contain_text("Queued")
    assert Case.objects.count() == 1


def test_file_over_the_limit_is_refused_before_it_is_sent(
    context: BrowserContext, live_server, owner, cohort, model_version, tmp_path: Path, settings
) -> None:
    settings.UPLOAD_MAX_BYTES = 2000
    page = context.new_page()
    sign_in(page, live_server, owner)
    large, small = tmp_path / "large.png", tmp_path / "small.png"
    large.write_bytes(make_png_bytes(256, 256))
    PillowImage.new("L", (64, 64), 9).save(small)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.goto(f"{live_server.url}/cases/upload/")
    page.locator("#files").set_input_files([str(large), str(small)])
    expect(page.locator(".upload-row").first).to_contain_text("larger than the server accepts")
    expect(page.locator(".upload-row").last).to_contain_text("Queued")
    assert sent.count("POST") == 1
