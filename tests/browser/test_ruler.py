"""Millimetres on a phantom of known size, in a real browser: the ruler and the area of a region."""

from __future__ import annotations

import numpy as np
import pytest
from django.core.files.base import ContentFile
from playwright.sync_api import Locator, Page, expect

from cases.intake.uploads import submit_file, submit_series
from cases.models import Case
from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in
from tests.browser.test_viewer import draw, open_case, png
from tests.cases.intake.hospital import files
from tests.inference.dicoms import dicom, in_space
from tests.support.axe import grave_faults

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_version")]
# Of the file: 100 rows, 1.2 mm apart, of 160 pixels, 0.8 mm apart; a square of 48 mm from (16, 24) mm.
ROWS, COLUMNS, DOWN, ACROSS = 100, 160, 1.2, 0.8
# The stored picture has square pixels: 150 rows.
HEIGHT, WIDTH = 150, 160


@pytest.fixture
def phantom(owner, cohort) -> Case:
    case = submit_series(by=owner, cohort=cohort, files=files(phantom_slice(0), phantom_slice(5)))[0].case
    assert case is not None
    image = case.images.get(position=0)
    assert (image.width, image.height, image.geometry["spacing"]) == (WIDTH, HEIGHT, [0.8, 0.8])
    return case


def phantom_slice(z: float) -> bytes:
    pixels = np.full((ROWS, COLUMNS), 200, np.uint16)
    pixels[20:60, 20:80] = 3000
    pixels[0, 0] = int(z)
    place = in_space((1, 0, 0), (0, 1, 0), (-64, -60, z)) | {"PixelSpacing": [DOWN, ACROSS]}
    return dicom(pixels, **place, BitsStored=12, HighBit=11)


def tool(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_ruler_measures_a_phantom_of_known_size_at_any_zoom(
    page: Page, live_server, colleague, phantom
) -> None:
    sign_in(page, live_server, colleague)
    open_case(page, live_server, phantom, "?image=0")
    stage, said = page.locator("[data-stage=base]"), page.locator("[data-part=ruler]")
    tool(page, "Ruler").click()
    draw(page, stage, (20, 30), (80, 30))  # the square's upper edge
    expect(said).to_have_text("Ruler: 48.0 millimetres.")
    expect(stage.locator("[data-ruler] text")).to_have_text("48.0 mm")
    draw(page, stage, (20, 30), (80, 90))  # its diagonal
    expect(said).to_have_text("Ruler: 67.9 millimetres.")
    expect(stage.locator("[data-ruler]")).to_have_count(1)
    keep(page, "ruler-1440")
    assert grave_faults(page) == []
    tool(page, "Larger").click()
    draw(page, stage, (50, 60), (50, 85))
    expect(said).to_have_text("Ruler: 20.0 millimetres.")
    draw(page, stage, (50, 60))  # a press alone
    expect(said).to_have_text("The ruler is removed.")
    expect(page.locator("[data-ruler]")).to_have_count(0)


def test_ruler_is_placed_moved_and_turned_by_keys_and_belongs_to_its_picture(
    page: Page, live_server, colleague, phantom
) -> None:
    sign_in(page, live_server, colleague)
    open_case(page, live_server, phantom, "?image=0")
    line, said = page.locator("[data-ruler] .mark__line"), page.locator("[data-part=ruler]")
    tool(page, "Ruler").focus()
    page.keyboard.press("Enter")
    expect(said).to_have_text("Ruler: 32.0 millimetres.")  # a quarter of 160 pixels of 0.8 mm
    before = line.get_attribute("d")
    page.keyboard.press("Alt+ArrowDown")
    expect(line).not_to_have_attribute("d", str(before))
    expect(said).to_have_text("Ruler: 32.0 millimetres.")
    for _ in range(2):
        page.keyboard.press("Alt+Shift+ArrowRight")
    expect(said).to_have_text("Ruler: 33.6 millimetres.")
    page.locator("[data-step='1']").click()
    expect(page.locator("[data-part=number]")).to_have_text("2")
    expect(line).to_have_count(0)
    page.locator("[data-step='-1']").click()
    expect(page.locator("[data-part=number]")).to_have_text("1")
    expect(line).to_have_count(1)
    tool(page, "Ruler").press("Delete")
    expect(line).to_have_count(0)
    expect(said).to_have_text("The ruler is removed.")


def test_marked_region_shows_its_area_in_square_millimetres(
    page: Page, live_server, colleague, phantom, analyse_as
) -> None:
    for position in (0, 1):
        analyse_as(phantom, position=position)
    sign_in(page, live_server, colleague)
    open_case(page, live_server, phantom, "?image=0")
    stage, area = page.locator("[data-stage=base]"), page.locator("output[data-part=area]")
    expect(area).to_have_text("")
    tool(page, "Rectangle").click()
    draw(page, stage, (20, 30), (80, 90))
    expect(area).to_have_text("Marked: 2,304.0 mm²")
    expect(page.locator("[data-part=mark]")).to_have_text("Rectangle: 15 % of the picture, 2,304.0 mm².")
    tool(page, "Clear the mark").click()
    expect(area).to_have_text("")


def test_picture_of_unknown_spacing_is_measured_in_pixels_and_says_so(
    page: Page, live_server, owner, colleague, cohort
) -> None:
    pixels = np.tile(np.arange(120, dtype=np.uint8), (80, 1))
    case = submit_file(by=owner, cohort=cohort, file=ContentFile(png(pixels))).case
    assert case is not None
    sign_in(page, live_server, colleague)
    open_case(page, live_server, case)
    tool(page, "Ruler").click()
    draw(page, page.locator("[data-stage=base]"), (10, 20), (40, 60))
    said = page.locator("[data-part=ruler]")
    expect(said).to_have_text("Ruler: 50 pixels; the file does not tell how large they are.")
    expect(page.locator("[data-ruler] text")).to_have_text("50 px")
