"""The viewer in a real browser: geometry at several zooms, bit depth, marks, many pictures, no WebGL2."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.core.files.base import ContentFile
from numpy.typing import NDArray
from PIL import Image as PillowImage
from playwright.sync_api import BrowserContext, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from cases import storage
from cases.analysis import jobs
from cases.intake.uploads import submit_file
from cases.models import Case, Cohort, Image, ModelVersion, Review
from inference.heatmaps import pack
from inference.manifest import load_manifest
from inference.predictor import Predictor
from portal.accounts.models import User
from tests.browser.conftest import NO_WEBGL2
from tests.browser.pictures import wait_until_drawn
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.django_db(transaction=True)]

WIDTH, HEIGHT = 300, 500
# The off-centre square, in pixels of the picture: left, top, right, bottom.
SQUARE = (190, 90, 270, 170)


def picture_with_square() -> NDArray[np.uint16]:
    """Sixteen bits, as of a scanner: 300 on the ground, 3,000 in the square."""
    pixels = np.full((HEIGHT, WIDTH), 300, np.uint16)
    left, top, right, bottom = SQUARE
    pixels[top:bottom, left:right] = 3000
    return pixels


def png(pixels: NDArray[np.generic]) -> bytes:
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def square_case(owner: User, cohort: Cohort, tmp_path: Path) -> Case:
    """The square, analysed by a real small network that looks for bright squares."""
    # Late: only the process that comes to these tests loads TensorFlow.
    from tests.inference.tiny import DETECTOR, manifest_fields, square_detector, write_model

    path = write_model(tmp_path, square_detector(), DETECTOR, ("square", "other"))
    fields = manifest_fields((tmp_path / "tiny.npz").read_bytes(), DETECTOR, ("square", "other"))
    ModelVersion.objects.create(
        name="tiny", weights_sha256=fields["weights_sha256"], manifest=fields, is_active=True
    )
    pixels = picture_with_square()
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(png(pixels)))
    assert receipt.case is not None
    found = Predictor.load(load_manifest(path)).predict([pixels])[0]
    claim = jobs.lease(Image.objects.get().jobs.get().pk)
    assert claim is not None
    shares = dict(zip(("square", "other"), found.probabilities, strict=True))
    assert jobs.complete(claim, jobs.Result("square", shares, pack(found.maps), 0.1))
    return receipt.case


def open_case(page: Page, server: LiveServer, case: Case, query: str = "") -> None:
    page.goto(f"{server.url}/cases/{case.code}/{query}")
    page.wait_for_selector("#viewer[data-drawn=depth]", timeout=60_000)


def pixels_of(stage: Locator) -> NDArray[np.int64]:
    """A pane as it is on the screen, int (rows, columns, 3)."""
    shot = PillowImage.open(io.BytesIO(stage.screenshot())).convert("RGB")
    return np.asarray(shot, np.int64)


def stages(page: Page) -> tuple[Locator, Locator]:
    return page.locator("[data-stage=base]"), page.locator("[data-stage=heat]")


def wait_until_still(*panes: Locator) -> None:
    """Wait until the panes have what they asked for and show the same twice; a busy machine draws late."""
    for pane in panes:
        expect(pane).to_have_attribute("aria-busy", "false")
        before = b""
        while (now := pane.screenshot()) != before:
            before = now


def on_screen(page: Page, stage: Locator, x: float, y: float) -> tuple[float, float]:
    """Where a point of the picture is in a pane, by the drawing's own view box."""
    where = stage.locator("[data-marks]").evaluate(
        """(sheet, [x, y]) => {
            const place = new DOMPoint(x, y).matrixTransform(sheet.getScreenCTM());
            const box = sheet.getBoundingClientRect();
            return [place.x - box.left, place.y - box.top];
        }""",
        [x, y],
    )
    return where[0], where[1]


def bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what is true."""
    rows, columns = np.where(mask)
    return int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1


@pytest.mark.parametrize(("width", "layer"), [(390, "conv1"), (1440, "conv2")])
def test_peak_of_the_map_lies_in_the_off_centre_square_at_every_zoom(
    width: int, layer: str, page: Page, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    page.set_viewport_size({"width": width, "height": 900})
    open_case(page, live_server, square_case, "?opacity=100&colours=viridis")
    base, heat = stages(page)
    page.get_by_label("Layer").select_option(layer)
    for factor in (1.0, 1.15**6, 1.15**12):
        if factor > 1:
            base.scroll_into_view_if_needed()
            box = base.bounding_box()
            assert box is not None
            x, y = on_screen(page, base, 230, 130)
            page.mouse.move(box["x"] + x, box["y"] + y)
            for _ in range(6):
                page.mouse.wheel(0, -100)
        page.mouse.move(1, 1)
        wait_until_still(base, heat)
        check_square_and_peak(page, base, heat)


def check_square_and_peak(page: Page, base: Locator, heat: Locator) -> None:
    square = bounds(pixels_of(base)[..., 0] > 127)
    expected = [*on_screen(page, base, *SQUARE[:2]), *on_screen(page, base, *SQUARE[2:])]
    size = base.bounding_box()
    assert size is not None
    limits = (size["width"], size["height"]) * 2
    expected = [min(max(0, edge), limit) for edge, limit in zip(expected, limits, strict=True)]
    assert square == pytest.approx(expected, abs=2)
    # The picture is grey, so that what has colour is the map: most where the heat is most.
    shown = pixels_of(heat)
    colour = shown.max(axis=2) - shown.min(axis=2)
    rows, columns = np.where(colour >= colour.max() - 2)
    assert colour.max() > 120
    assert square[0] <= columns.mean() <= square[2]
    assert square[1] <= rows.mean() <= square[3]


def test_browser_shows_what_the_server_lays_over(
    page: Page, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    open_case(page, live_server, square_case, "?opacity=60")
    _, heat = stages(page)
    wait_until_still(heat)
    shown = pixels_of(heat)
    address = page.locator("[data-part=overlay]").get_attribute("href")
    body = page.context.request.get(f"{live_server.url}{address}").body()
    left, top = on_screen(page, heat, 0, 0)
    right, bottom = on_screen(page, heat, WIDTH, HEIGHT)
    place = tuple(round(edge) for edge in (left, top, right, bottom))
    laid_over = PillowImage.open(io.BytesIO(body)).convert("RGB")
    wanted = np.asarray(laid_over.resize((place[2] - place[0], place[3] - place[1])), np.int64)
    got = shown[place[1] : place[3], place[0] : place[2]]
    inner = (slice(4, -4), slice(4, -4))
    assert np.abs(got - wanted)[inner].mean() < 2
    assert np.percentile(np.abs(got - wanted)[inner], 98) <= 12


def test_window_inverts_and_comes_back_with_the_pictures_own_values(
    page: Page, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    open_case(page, live_server, square_case, "?opacity=0")
    base, heat = stages(page)
    box = base.bounding_box()
    assert box is not None
    x, y = on_screen(page, base, 230, 130)
    page.mouse.move(box["x"] + x, box["y"] + y)
    expect(page.locator("[data-readout=place]")).to_contain_text(": 3000")
    page.mouse.move(1, 1)
    spot, ground = (round(y), round(x)), (round(y) + 100, round(x))

    def grey(stage: Locator, place: tuple[int, int]) -> int:
        page.wait_for_timeout(150)
        return int(pixels_of(stage)[place][0])

    assert grey(base, spot) > 250
    page.get_by_label("Centre").fill("3000")
    page.locator("[data-field=width]").fill("5400")
    page.locator("[data-field=width]").press("Enter")
    # 3,000 lies in the middle of a window from 300 to 5,700.
    assert [grey(base, spot), grey(base, ground)] == pytest.approx([128, 0], abs=3)
    assert grey(heat, spot) == pytest.approx(128, abs=3)
    expect(page.get_by_label("Window preset")).to_have_value("own")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Invert").click()
    assert [grey(base, spot), grey(base, ground)] == pytest.approx([127, 255], abs=3)
    page.get_by_role("button", name="Reset").click()
    assert grey(base, spot) > 250
    page.mouse.move(box["x"] + 20, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 20 + 200, box["y"] + 200, steps=5)
    page.mouse.up()
    page.mouse.move(1, 1)
    assert grey(base, spot) < 250  # wider
    expect(page.get_by_label("Window preset")).to_have_value("own")


def draw(page: Page, stage: Locator, *places: tuple[float, float]) -> None:
    """Press at the first place of the picture, drag along the others, let go."""
    box = stage.bounding_box()
    assert box is not None
    for number, place in enumerate(places):
        x, y = on_screen(page, stage, *place)
        page.mouse.move(box["x"] + x, box["y"] + y, steps=3)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


def region_of(page: Page) -> dict[str, object]:
    return dict(json.loads(page.locator("#review-form [name=region]").input_value()))


def test_marked_region_is_stored_in_pixels_shown_again_and_compared_with_the_heat(
    page: Page, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    open_case(page, live_server, square_case)
    base, heat = stages(page)
    for _ in range(2):
        page.get_by_role("button", name="Larger").click()
    page.get_by_role("button", name="Rectangle").click()
    draw(page, heat, (190, 90), (230, 120), (270, 170))
    region = region_of(page)
    assert (region["kind"], region["image"]) == ("rectangle", 0)
    corners = [region[edge] for edge in ("x0", "y0", "x1", "y1")]
    assert corners == pytest.approx(SQUARE, abs=1)
    expect(base.locator("[data-own] .mark__line")).to_have_count(1)
    page.get_by_label("Agree", exact=True).check()
    page.get_by_role("radio", name="4 Sure").check()
    expect(page.get_by_text("Kept as a draft.")).to_be_visible()
    page.reload()
    expect(base.locator("[data-own] .mark__line")).to_have_count(1)
    page.get_by_role("button", name="Save review").click()
    page.get_by_role("button", name="Finish this case").click()
    expect(page.get_by_text("Final", exact=True)).to_be_visible()
    assert Review.objects.get().region == region
    marks = page.get_by_role("region", name="Marked regions")
    expect(marks).to_contain_text("Your review")
    expect(marks).to_contain_text("of this map's heat inside")
    expect(base.locator(".mark__line")).to_have_count(1)


def test_region_is_marked_by_keys_and_by_brush(
    page: Page, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    open_case(page, live_server, square_case)
    base, _ = stages(page)
    ellipse = page.get_by_role("button", name="Ellipse")
    ellipse.focus()
    for key in ("Enter", "ArrowRight", "Alt+ArrowUp", "Shift+ArrowDown"):
        page.keyboard.press(key)
    box = {"x0": 120.5, "y0": 186.5, "x1": 195.5, "y1": 319.5}
    assert region_of(page) == {"image": 0, "kind": "ellipse", **box}
    page.get_by_role("button", name="Brush").click()
    draw(page, base, (50, 50), (90, 50))
    runs = region_of(page)["runs"]
    assert isinstance(runs, list)
    covered = sum(length for _, length in runs)
    assert covered == pytest.approx(40 * 12 + np.pi * 36, rel=0.08)
    page.get_by_role("button", name="Erase").click()
    draw(page, base, (70, 30), (70, 70))
    assert sum(length for _, length in region_of(page)["runs"]) < covered - 100
    page.get_by_role("button", name="Clear the mark").click()
    assert page.locator("#review-form [name=region]").input_value() == "null"
    expect(base.locator("[data-own]")).to_have_count(0)


def test_many_pictures_are_scrolled_by_wheel_key_slider_and_link(
    page: Page, live_server: LiveServer, colleague: User, square_case: Case, submit_to: Callable[..., None]
) -> None:
    submit_to(square_case, 3)
    sign_in(page, live_server, colleague)
    open_case(page, live_server, square_case)
    told = page.get_by_text("Picture 1 of 4")
    expect(told).to_be_visible()
    before = page.get_by_role("link", name="Previous", exact=True)
    expect(before).to_have_attribute("aria-disabled", "true")
    assert before.get_attribute("href") is None
    base, _ = stages(page)
    base.hover()
    page.mouse.wheel(0, 100)
    expect(page.get_by_text("Picture 2 of 4")).to_be_visible()
    page.keyboard.press(".")
    expect(page.get_by_text("Picture 3 of 4")).to_be_visible()
    expect(before).to_have_attribute("href", re.compile(r"\?.*image=1"))
    page.keyboard.press(",")
    page.get_by_role("link", name="Next", exact=True).click()
    page.get_by_role("slider", name="Picture").fill("4")
    expect(page.get_by_text("Picture 4 of 4")).to_be_visible()
    after = page.get_by_role("link", name="Next", exact=True)
    expect(after).to_have_attribute("aria-disabled", "true")
    assert after.get_attribute("href") is None
    fourth = f"/cases/{square_case.code}/base.png?image=3&channel=grey"
    expect(page.locator("[data-part=base]").first).to_have_attribute("href", fourth)
    page.wait_for_timeout(500)
    # The fourth picture is 40 plus three steps of 20 everywhere.
    page.mouse.move(1, 1)
    assert int(pixels_of(base)[200, 100][0]) == pytest.approx(100, abs=2)


@pytest.fixture
def submit_to() -> Callable[..., None]:
    """Add pictures of one grey each to a case."""

    def add(case: Case, count: int) -> None:
        for number in range(1, count + 1):
            data = png(np.full((HEIGHT, WIDTH), 40 + 20 * number, np.uint8))
            Image.objects.create(
                case=case,
                cohort=case.cohort,
                position=number,
                source_sha256=f"{number:064d}",
                source_format="png",
                source_bytes=len(data),
                file=storage.store("images", data, ".png"),
                width=WIDTH,
                height=HEIGHT,
                bit_depth=8,
                colour="grey",
            )

    return add


def test_canvas_that_is_taken_back_gives_way_to_the_servers_drawing(
    page: Page, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    sign_in(page, live_server, colleague)
    open_case(page, live_server, square_case, "?opacity=100&colours=viridis")
    page.evaluate(
        "() => document.querySelector('.pane__depth canvas').getContext('webgl2')"
        ".getExtension('WEBGL_lose_context').loseContext()"
    )
    fault = page.get_by_text("in full depth; it is shown as the server draws it.")
    expect(fault).to_be_visible()
    expect(page.locator(".pane__depth")).to_have_count(0)
    expect(page.get_by_role("button", name="Window", exact=True)).to_be_hidden()
    base, heat = stages(page)
    check_square_and_peak(page, base, heat)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".pane__depth canvas")).to_have_count(2)
    expect(page.get_by_role("button", name="Window", exact=True)).to_be_visible()
    expect(fault).to_be_hidden()
    check_square_and_peak(page, base, heat)


def test_canvas_that_did_not_load_is_tried_again(
    context: BrowserContext, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    # Its console tells of each line that broke.
    page = context.new_page()
    cut = [True]
    page.route("**/niivue*.js*", lambda route: route.abort() if cut[0] else route.continue_())
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{square_case.code}/")
    fault = page.get_by_text("in full depth; it is shown as the server draws it.")
    expect(fault).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(fault).to_be_visible()
    cut[0] = False
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("#viewer[data-drawn=depth]", timeout=60_000)
    expect(fault).to_be_hidden()


def test_without_webgl2_the_servers_drawing_serves(
    context: BrowserContext, live_server: LiveServer, colleague: User, square_case: Case
) -> None:
    context.add_init_script(NO_WEBGL2)
    page = context.new_page()
    sign_in(page, live_server, colleague)
    page.goto(f"{live_server.url}/cases/{square_case.code}/?opacity=100&colours=viridis")
    expect(page.get_by_text("This browser offers no WebGL2")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_hidden()
    expect(page.get_by_role("button", name="Window", exact=True)).to_be_hidden()
    base, heat = stages(page)
    wait_until_drawn(page)
    check_square_and_peak(page, base, heat)
    page.get_by_role("button", name="Larger").click()
    page.wait_for_timeout(200)
    check_square_and_peak(page, base, heat)
    page.get_by_role("button", name="Rectangle").click()
    draw(page, base, (190, 90), (270, 170))
    assert region_of(page)["kind"] == "rectangle"
    page.get_by_role("link", name="This view as one picture (PNG)").click()
    expect(page.locator("img")).to_be_visible()
