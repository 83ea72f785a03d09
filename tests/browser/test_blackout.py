"""Burned-in text blacked out in a real browser: drawn with the pointer and with keys, and without scripts."""

from __future__ import annotations

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from cases.intake.uploads import submit_series
from cases.models import Case
from cases.viewer.images import pixels_of
from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in
from tests.cases.intake.hospital import files
from tests.inference.dicoms import dicom, in_space
from tests.support.axe import grave_faults

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_version")]
HEIGHT, WIDTH = 120, 160


def lettered(z: float) -> bytes:
    """A slice with a bright line at its top, as text would be."""
    pixels = np.full((HEIGHT, WIDTH), 200, np.uint16)
    pixels[4:10, 10:60] = 3000
    pixels[60, 60] = int(z)  # no two slices are the same
    place = in_space((1, 0, 0), (0, 1, 0), (-80, -60, z))
    return dicom(pixels, **place, BitsStored=12, HighBit=11, BurnedInAnnotation="YES")


@pytest.fixture
def held(owner, cohort) -> Case:
    submit_series(by=owner, cohort=cohort, files=files(lettered(1), lettered(4)), is_one_case=False)
    return Case.objects.get()


def left_of(case: Case, position: int) -> np.ndarray:
    """Where a picture still has anything of the text."""
    return np.argwhere(pixels_of(case.images.get(position=position)) == 3000)


def test_text_is_dragged_over_previewed_and_gone(page: Page, live_server, administrator, held) -> None:
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/cases/{held.code}/")
    page.get_by_role("link", name="Black out text").click()
    picture = page.locator("#blackout-picture")
    expect(page.get_by_role("button", name="Add a rectangle")).to_be_visible()
    for width, height in ((390, 844), (1440, 900)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = picture.bounding_box()
    assert box is not None
    scale = min(box["width"] / WIDTH, box["height"] / HEIGHT)
    left = box["x"] + (box["width"] - WIDTH * scale) / 2
    top = box["y"] + (box["height"] - HEIGHT * scale) / 2
    page.mouse.move(left + 8.5 * scale, top + 2.5 * scale)
    page.mouse.down()
    page.mouse.move(left + 61.5 * scale, top + 11.5 * scale)
    page.mouse.up()
    expect(page.get_by_label("Rectangles, one a line")).to_have_value("8 2 62 12")
    expect(page.locator("[data-part=said]")).to_contain_text("left 8, top 2, right 62, bottom 12")
    page.get_by_label("All pictures of the case that have this size").check()
    page.get_by_label("Name, number or dates of the patient").check()
    assert grave_faults(page) == []
    keep(page, "blackout-1440")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("This is how 2 pictures will be.")).to_be_visible()
    expect(page.locator(".blackout__done")).to_have_attribute("width", "54")
    assert grave_faults(page) == []
    keep(page, "blackout-preview-1440")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text("Picture 2 of 2")).to_be_visible()
    page.get_by_role("button", name="Black out for good").click()
    expect(page.get_by_text("Blacked out in 2 pictures.")).to_be_visible()
    page.get_by_role("button", name="Out of quarantine").click()
    expect(page.get_by_text("The case is out of quarantine.")).to_be_visible()
    assert [left_of(held, position).size for position in (0, 1)] == [0, 0]


def test_keys_place_move_and_resize_a_rectangle(page: Page, live_server, administrator, held) -> None:
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/cases/{held.code}/blackout/")
    add, lines = (
        page.get_by_role("button", name="Add a rectangle"),
        page.get_by_label("Rectangles, one a line"),
    )
    add.focus()
    page.keyboard.press("Enter")
    expect(lines).to_have_value("60 45 100 75")
    page.keyboard.press("ArrowLeft")
    expect(lines).to_have_value("57 45 97 75")
    page.keyboard.press("Alt+ArrowDown")
    expect(lines).to_have_value("57 46 97 76")
    page.keyboard.press("Shift+ArrowUp")
    expect(lines).to_have_value("57 46 97 73")
    page.get_by_role("button", name="Remove the last").click()
    expect(lines).to_have_value("")
    lines.fill("1 2 30 40")
    expect(page.locator("[data-box]")).to_have_attribute("d", "M1 2H30V40H1Z")


def test_numbers_do_without_scripts(browser: Browser, live_server, administrator, held) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server, administrator)
    page.goto(f"{live_server.url}/cases/{held.code}/blackout/")
    page.get_by_label("Rectangles, one a line").fill("8 2 62 12")
    page.get_by_label("This picture alone").check()
    page.get_by_label("Other writing").check()
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Black out for good").click()
    expect(page.get_by_text("Blacked out in 1 picture.")).to_be_visible()
    context.close()
    assert left_of(held, 0).size == 0
    assert len(left_of(held, 1)) == 6 * 50
