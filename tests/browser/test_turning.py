"""Turning the pictures of a case on a slow, a broken and a stalled line.

Number, picture, frame, map, values and marks change together, when the picture is there.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable

import numpy as np
import pytest
from django.core.files.base import ContentFile
from numpy.typing import NDArray
from PIL import Image as PillowImage
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from cases.intake.uploads import submit_series
from cases.models import Case, Cohort, ModelVersion, Review
from portal.accounts.models import User
from tests.browser.conftest import NO_WEBGL2
from tests.browser.signing_in import sign_in

pytestmark = [pytest.mark.django_db(transaction=True)]

# Columns and rows.
SIZES = ((64, 64), (300, 500), (500, 120))
# The white part of each picture, as shares of its width and height: left, top, right, bottom.
WHITE = (0.5, 0.25, 0.75, 0.5)


def square_in(position: int) -> tuple[int, int, int, int]:
    width, height = SIZES[position]
    return tuple(  # type: ignore[return-value]
        round(share * side) for share, side in zip(WHITE, (width, height) * 2, strict=True)
    )


def png(position: int) -> bytes:
    width, height = SIZES[position]
    pixels = np.full((height, width), 40 + 10 * position, np.uint8)
    left, top, right, bottom = square_in(position)
    pixels[top:bottom, left:right] = 250
    stream = io.BytesIO()
    PillowImage.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def mixed(owner: User, cohort: Cohort, model_version: ModelVersion, analyse_as: Callable[..., None]) -> Case:
    """Three pictures of different sizes; the first stands for the case, the third has no map."""
    files = [ContentFile(png(position)) for position in range(len(SIZES))]
    case = submit_series(by=owner, cohort=cohort, files=files)[0].case
    assert case is not None
    analyse_as(case, "glioma", 0.9, position=0)
    analyse_as(case, "glioma", 0.8, position=1)
    analyse_as(case, "glioma", 0.7, position=2, gate_verdict="refused", gate_distance=9.0)
    return case


class Line:
    """The line between page and portal: what goes over it can be held, let go, and cut."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._held: list[Route] = []
        self._pattern = re.compile("")

    def hold(self, what: str) -> None:
        self._pattern = re.compile(what)
        self._page.route(self._pattern, self._keep)

    def _keep(self, route: Route) -> None:
        self._held.append(route)

    def let_go(self) -> None:
        held, self._held = self._held, []
        for route in held:
            route.continue_()
        self._page.unroute(self._pattern)

    def cut(self, what: str) -> None:
        self._pattern = re.compile(what)
        self._page.route(self._pattern, lambda route: route.abort())

    def mend(self) -> None:
        """What is asked for from now on comes; what was held never does."""
        self._page.unroute(self._pattern)


SECOND = r"/base\.(png|nii\.gz)\?image=1"


def open_page(
    context: BrowserContext, server: LiveServer, reader: User, *, canvas: bool = False
) -> tuple[Page, Line]:
    """A page on which requests may fail, which the browser itself logs as errors."""
    if not canvas:
        context.add_init_script(NO_WEBGL2)
    page = context.new_page()
    sign_in(page, server, reader)
    return page, Line(page)


def go_to(page: Page, server: LiveServer, case: Case, query: str = "", *, canvas: bool = False) -> None:
    page.goto(f"{server.url}/cases/{case.code}/{query}")
    drawn = "depth" if canvas else "picture"
    page.wait_for_selector(f"#viewer[data-drawn={drawn}]", timeout=60_000)


def stage_of(page: Page) -> Locator:
    return page.locator("[data-stage=base]")


def seen(stage: Locator) -> NDArray[np.int64]:
    shot = PillowImage.open(io.BytesIO(stage.screenshot())).convert("L")
    return np.asarray(shot, np.int64)


def on_screen(stage: Locator, x: float, y: float) -> tuple[float, float]:
    where = stage.locator("[data-marks]").evaluate(
        """(sheet, [x, y]) => {
            const place = new DOMPoint(x, y).matrixTransform(sheet.getScreenCTM());
            const box = sheet.getBoundingClientRect();
            return [place.x - box.left, place.y - box.top];
        }""",
        [x, y],
    )
    return where[0], where[1]


def drag(page: Page, stage: Locator, start: tuple[float, float], end: tuple[float, float]) -> None:
    """From one place of the pane to another, in pixels of the screen."""
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + start[0], box["y"] + start[1])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0], box["y"] + end[1], steps=3)
    page.mouse.up()
    page.mouse.move(1, 1)


def check_value(page: Page, x: float, value: int) -> None:
    """What is said of the value that lies `x` pixels of the screen from the pane's corner."""
    box = stage_of(page).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + x, box["y"] + 20)
    expect(page.locator("[data-readout=place]")).to_contain_text(f": {value}")


def region_of(page: Page) -> dict[str, object] | None:
    value: dict[str, object] | None = json.loads(
        page.locator("#review-form [name=region]").input_value() or "null"
    )
    return value


def white_on_screen(page: Page, stage: Locator) -> tuple[int, int, int, int]:
    page.mouse.move(1, 1)
    page.wait_for_timeout(250)
    rows, columns = np.where(seen(stage)[4:-4, 4:-4] > 200)
    return (
        int(columns.min()) + 4,
        int(rows.min()) + 4,
        int(columns.max()) + 5,
        int(rows.max()) + 5,
    )


def check_what_is_seen_and_marked(page: Page, position: int) -> None:
    """The white part lies where the frame says, and what is marked there is stored there."""
    stage = stage_of(page)
    found = white_on_screen(page, stage)
    left, top, right, bottom = square_in(position)
    wanted = (*on_screen(stage, left, top), *on_screen(stage, right, bottom))
    assert found == pytest.approx(wanted, abs=4)
    page.get_by_role("button", name="Rectangle").click()
    drag(page, stage, found[:2], found[2:])
    region = region_of(page)
    assert region is not None
    assert region["image"] == position
    slack = 4 * max(SIZES[position]) / min(found[2] - found[0], 300) + 1
    assert [region[edge] for edge in ("x0", "y0", "x1", "y1")] == pytest.approx(
        (left, top, right, bottom), abs=slack
    )


@pytest.mark.parametrize("way", ["canvas", "drawing", "failed"])
def test_pictures_of_mixed_sizes_have_frames_of_their_own(
    way: str, context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague, canvas=way != "drawing")
    if way == "failed":
        line.cut(r"/base\.nii\.gz")
    go_to(page, live_server, mixed, "?opacity=0", canvas=way == "canvas")
    if way == "failed":
        expect(page.get_by_text("could not be loaded in full depth")).to_be_visible()
    for position in range(len(SIZES)):
        expect(page.get_by_text(f"Picture {position + 1} of 3")).to_be_visible()
        check_what_is_seen_and_marked(page, position)
        for part in page.locator("[data-part=base], [data-part=map]").all():
            width, height = (part.get_attribute(name) for name in ("width", "height"))
            assert (width, height) == tuple(str(side) for side in SIZES[position])
        page.keyboard.press(".")


@pytest.mark.parametrize("canvas", [True, False])
def test_slow_picture_changes_nothing_until_it_is_there(
    canvas: bool, context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague, canvas=canvas)
    go_to(page, live_server, mixed, "?opacity=0", canvas=canvas)
    line.hold(SECOND)
    page.get_by_role("link", name="Next", exact=True).click()
    loading = page.locator("[data-loading]").first
    expect(loading).to_have_text("Picture 2 is loading.")
    expect(page.get_by_role("status").filter(has_text="Picture 2 is loading.")).to_have_count(1)
    expect(stage_of(page)).to_have_attribute("aria-busy", "true")
    expect(page.get_by_text("Picture 1 of 3")).to_be_visible()
    assert page.locator("#viewer-controls [name=image]").input_value() == "0"
    page.get_by_role("button", name="Rectangle").click()
    drag(page, stage_of(page), (40, 40), (120, 120))
    page.get_by_role("button", name="Rectangle").press("Enter")
    assert region_of(page) is None
    if canvas:
        check_value(page, 20, 40)
    line.let_go()
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()
    expect(loading).to_be_hidden()
    expect(stage_of(page)).to_have_attribute("aria-busy", "false")
    assert page.locator("#viewer-controls [name=image]").input_value() == "1"
    if canvas:
        check_value(page, stage_of(page).evaluate("stage => stage.clientWidth / 2"), 50)
    check_what_is_seen_and_marked(page, 1)


def test_drawing_stays_in_sight_while_its_full_depth_is_on_the_way(
    context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague, canvas=True)
    line.hold(r"/base\.nii\.gz\?image=0")
    go_to(page, live_server, mixed, "?opacity=0")
    expect(page.locator(".pane__depth")).to_have_count(2)
    check_what_is_seen_and_marked(page, 0)
    line.let_go()
    page.wait_for_selector("#viewer[data-drawn=depth]")
    check_what_is_seen_and_marked(page, 0)


def test_picture_that_comes_when_another_is_wanted_is_not_shown(
    context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague)
    go_to(page, live_server, mixed)
    line.hold(SECOND)
    page.keyboard.press(".")
    page.keyboard.press(".")
    expect(page.get_by_text("Picture 3 of 3")).to_be_visible()
    line.let_go()
    page.wait_for_timeout(500)
    expect(page.get_by_text("Picture 3 of 3")).to_be_visible()
    base = page.locator("[data-part=base]").first
    expect(base).to_have_attribute("href", re.compile(r"image=2&"))
    expect(base).to_have_attribute("width", "500")
    page.keyboard.press(",")
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()


@pytest.mark.parametrize("canvas", [True, False])
def test_picture_that_does_not_come_leaves_the_one_before_and_can_be_asked_for_again(
    canvas: bool, context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague, canvas=canvas)
    go_to(page, live_server, mixed, "?opacity=0", canvas=canvas)
    line.cut(SECOND)
    slider = page.get_by_role("slider", name="Picture")
    slider.fill("2")
    told = page.get_by_role("alert").filter(has_text="Picture 2 could not be loaded")
    expect(told).to_be_visible()
    expect(page.get_by_text("Picture 1 of 3")).to_be_visible()
    expect(slider).to_have_value("1")
    check_what_is_seen_and_marked(page, 0)
    line.mend()
    told.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()
    expect(told).to_be_hidden()
    check_what_is_seen_and_marked(page, 1)


def test_stalled_picture_is_given_up_in_words(
    context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague)
    page.clock.install()
    go_to(page, live_server, mixed)
    line.hold(SECOND)
    page.get_by_role("link", name="Next", exact=True).click()
    page.clock.fast_forward(15_000)
    expect(page.locator("[data-loading]").first).to_have_text("Picture 2 is loading.")
    page.clock.fast_forward(6_000)
    told = page.get_by_role("alert").filter(has_text="Picture 2 could not be loaded")
    expect(told).to_be_visible()
    expect(page.get_by_text("Picture 1 of 3")).to_be_visible()
    line.mend()
    told.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()


def test_first_picture_takes_no_mark_until_it_is_there(
    context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague)
    page.clock.install()
    line.hold(r"/base\.png\?image=0")
    page.goto(f"{live_server.url}/cases/{mixed.code}/", wait_until="domcontentloaded")
    expect(stage_of(page)).to_have_attribute("aria-busy", "true")
    page.get_by_role("button", name="Rectangle").click()
    drag(page, stage_of(page), (40, 40), (120, 120))
    assert region_of(page) is None
    page.clock.fast_forward(21_000)
    told = page.get_by_role("alert").filter(has_text="Picture 1 could not be loaded")
    expect(told).to_be_visible()
    drag(page, stage_of(page), (40, 40), (120, 120))
    assert region_of(page) is None
    line.mend()
    told.get_by_role("button", name="Try again").click()
    page.wait_for_selector("#viewer[data-drawn]")
    page.get_by_role("button", name="Rectangle").click()
    drag(page, stage_of(page), (40, 40), (120, 120))
    assert region_of(page) is not None


def test_map_that_does_not_come_leaves_the_choice_of_the_one_in_sight(
    context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, line = open_page(context, live_server, colleague)
    go_to(page, live_server, mixed)
    shown = page.locator("[data-part=map]").get_attribute("href")
    line.cut("/pituitary.png")
    chosen = page.get_by_label("Class", exact=True)
    chosen.select_option("pituitary")
    told = page.get_by_role("alert").filter(has_text="could not be loaded")
    expect(told).to_be_visible()
    expect(chosen).to_have_value("glioma")
    expect(page.locator("[data-part=map]")).to_have_attribute("href", shown or "")
    line.mend()
    told.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-part=map]")).to_have_attribute("href", re.compile("/pituitary.png"))
    expect(chosen).to_have_value("pituitary")
    expect(page.get_by_text("No positive evidence for Pituitary tumour")).to_be_visible()


@pytest.mark.parametrize("canvas", [True, False])
def test_picture_without_a_map_is_shown_without_the_one_before(
    canvas: bool, context: BrowserContext, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    page, _ = open_page(context, live_server, colleague, canvas=canvas)
    go_to(page, live_server, mixed, "?opacity=100&colours=viridis", canvas=canvas)
    heat = page.locator("[data-stage=heat]")

    def colour() -> int:
        page.mouse.move(1, 1)
        page.wait_for_timeout(250)
        shot = np.asarray(PillowImage.open(io.BytesIO(heat.screenshot())).convert("RGB"), np.int64)[
            8:-8, 8:-8
        ]
        return int((shot.max(axis=2) - shot.min(axis=2)).max())

    assert colour() > 60
    page.get_by_role("slider", name="Picture").fill("3")
    expect(page.get_by_text("Picture 3 of 3")).to_be_visible()
    assert colour() < 8
    expect(page.locator("[data-part=overlay]")).to_be_hidden()
    page.get_by_role("slider", name="Picture").fill("2")
    expect(page.get_by_text("Picture 2 of 3")).to_be_visible()
    assert colour() > 60


def test_marks_of_readers_turn_with_their_picture(
    context: BrowserContext,
    live_server: LiveServer,
    colleague: User,
    mixed: Case,
    review_as: Callable[..., Review],
) -> None:
    review_as(
        colleague, mixed, region={"image": 1, "kind": "rectangle", "x0": 10, "y0": 20, "x1": 110, "y1": 220}
    )
    page, _ = open_page(context, live_server, colleague)
    go_to(page, live_server, mixed)
    marks, listed = page.locator(".mark__line"), page.get_by_role("region", name="Marked regions")
    expect(marks.first).to_be_hidden()
    expect(listed).to_be_hidden()
    page.get_by_role("link", name="Next", exact=True).click()
    expect(marks.first).to_be_visible()
    expect(listed).to_contain_text("Your review")
    page.keyboard.press(",")
    expect(page.get_by_text("Picture 1 of 3")).to_be_visible()
    expect(marks.first).to_be_hidden()
    expect(listed).to_be_hidden()


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_canvas_and_drawing_show_one_heat_map(
    interpolation: str, page: Page, live_server: LiveServer, colleague: User, mixed: Case
) -> None:
    sign_in(page, live_server, colleague)
    go_to(page, live_server, mixed, f"?opacity=70&interpolation={interpolation}", canvas=True)
    heat = page.locator("[data-stage=heat]")

    def shown(display: str) -> NDArray[np.int64]:
        page.evaluate(
            "display => document.querySelectorAll('.pane__depth')"
            ".forEach(frame => { frame.style.display = display; })",
            display,
        )
        page.wait_for_timeout(300)
        shot = PillowImage.open(io.BytesIO(heat.screenshot())).convert("RGB")
        return np.asarray(shot, np.int64)[6:-6, 6:-6]

    shows = [(0, "conv_3", "inferno"), (1, "conv_1", "viridis"), (1, "conv_3", "grey")]
    for position, layer, colours in shows:
        page.get_by_label("Layer").select_option(layer)
        page.get_by_label("Colours").select_option(colours)
        page.get_by_role("slider", name="Picture").fill(str(position + 1))
        expect(page.get_by_text(f"Picture {position + 1} of 3")).to_be_visible()
        expect(heat).to_have_attribute("aria-busy", "false")
        page.mouse.move(1, 1)
        canvas, drawing = shown("block"), shown("none")
        assert drawing.max(axis=2).std() > 5
        assert np.abs(canvas - drawing).mean() < 2, (position, layer, colours)
        # Neither is hotter; at the edges of fields, a browser and a graphics card blend differently.
        assert np.abs(canvas.mean(axis=(0, 1)) - drawing.mean(axis=(0, 1))).max() < 1.5
