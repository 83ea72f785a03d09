"""A hospital's series in a real browser: sent as loose files, shown with the patient's right on the left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from cases.models import Case
from tests.browser.pictures import keep
from tests.browser.signing_in import sign_in
from tests.browser.test_viewer import bounds, on_screen, open_case, pixels_of, wait_until_still
from tests.browser.uploads import work_on_uploads
from tests.inference.dicoms import dicom, in_space

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("model_version")]

HEIGHT, WIDTH = 120, 160
# Of the file, whose columns grow to the patient's right: left, top, right, bottom.
SQUARE = (20, 30, 50, 70)
FACES = {"left": "R", "right": "L", "top": "A", "bottom": "P"}


def mirrored_slice(z: float) -> bytes:
    """A bright square on the patient's left, in a file that is mirrored."""
    pixels = np.full((HEIGHT, WIDTH), 200, np.uint16)
    left, top, right, bottom = SQUARE
    pixels[top:bottom, left:right] = 3000
    pixels[0, 0] = int(z)  # no two slices are the same
    place = in_space((-1, 0, 0), (0, 1, 0), (80, -60, z))
    return dicom(
        pixels, **place, BitsStored=12, HighBit=11, WindowCenter=[1600, 200], WindowWidth=[3200, 101]
    )


def test_loose_files_of_a_series_become_one_case(
    page: Page, live_server, make_person, cohort, tmp_path: Path
) -> None:
    for number, z in enumerate((6, 0, 3)):
        (tmp_path / f"IM{number}").write_bytes(mirrored_slice(z))
    sign_in(page, live_server, make_person("reader", cohort, "radiologist"))
    page.goto(f"{live_server.url}/cases/upload/")
    page.locator("#files").set_input_files([str(tmp_path / f"IM{number}") for number in range(3)])
    expect(page.locator("#upload-summary")).to_have_text("3 of 3 sent")
    work_on_uploads()
    page.get_by_role("button", name="Create this case").click()
    expect(page.locator("[data-incoming=creating]")).to_be_visible()
    work_on_uploads()
    row = page.locator(".upload-row").first
    expect(row).to_contain_text("3 files as one case")
    expect(row).to_contain_text("3 images in one case.")
    heights = [image.geometry["position"][2] for image in Case.objects.get().images.order_by("position")]
    assert heights == [0, 3, 6]
    keep(page, "hospital-upload")


def test_right_is_on_the_left_of_the_screen_in_depth_and_in_the_drawing(
    page: Page, live_server, owner, cohort, make_person
) -> None:
    from cases.intake.uploads import submit_series
    from tests.cases.intake.hospital import files

    case = submit_series(by=owner, cohort=cohort, files=files(mirrored_slice(0), mirrored_slice(3)))[0].case
    assert case is not None
    sign_in(page, live_server, make_person("reader", cohort, "radiologist"))
    open_case(page, live_server, case)
    stage = page.locator("[data-stage=base]")
    left, top, right, bottom = SQUARE
    expected = [
        *on_screen(page, stage, WIDTH - right, top),
        *on_screen(page, stage, WIDTH - left, bottom),
    ]
    page.locator(".pane__sides").first.evaluate("sides => { sides.style.visibility = 'hidden'; }")
    wait_until_still(stage)
    in_depth = bounds(pixels_of(stage)[..., 0] > 150)
    page.evaluate("document.querySelector('#viewer .pane__depth').style.display = 'none'")
    drawn = bounds(pixels_of(stage)[..., 0] > 150)
    for found in (in_depth, drawn):
        assert np.abs(np.array(found) - expected).max() <= 2
    assert expected[0] > pixels_of(stage).shape[1] / 2
    for side, letter in FACES.items():
        expect(page.locator(f"[data-side={side}]").first).to_have_text(letter)
    keep(page, "hospital-case")
    page.locator("[data-field=preset]").select_option("file-2")
    expect(page.locator("[data-field=centre]")).to_have_value("199.5")
    page.locator("[data-step='1']").first.click()
    expect(page.locator("[data-part=number]").first).to_have_text("2")
    expect(page.locator("[data-field=preset]")).to_have_value("file-2")
