"""Sides, spacing and window of hospitals' pictures, as the pages and pictures show them."""

from __future__ import annotations

import gzip
import io
import json
import re

import nibabel as nib
import numpy as np
import pytest
from PIL import Image as PillowImage

from cases.intake.uploads import submit_file
from cases.models import Case
from tests.cases.intake.hospital import files, slice_file, slice_pixels

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]


@pytest.fixture
def case_of(owner, cohort):
    def take_in(data: bytes) -> Case:
        case = submit_file(by=owner, cohort=cohort, file=files(data)[0]).case
        assert case is not None
        return case

    return take_in


def sides_in(page: str) -> list[str]:
    return re.findall(r'<span data-side="\w+">([A-Z]*)</span>', page)


@pytest.mark.parametrize(
    ("plane", "sides", "words"),
    [
        (((1, 0, 0), (0, 1, 0)), ["R", "L", "A", "P"], "axial"),
        (((-1, 0, 0), (0, 0, 1)), ["R", "L", "S", "I"], "coronal"),
        (((0, 1, 0), (0, 0, -1)), ["A", "P", "S", "I"], "sagittal"),
    ],
)
def test_case_page_says_where_the_sides_are(case_of, colleague, client_of, plane, sides, words) -> None:
    case = case_of(slice_file(0, plane=plane))
    page = client_of(colleague).get(f"/cases/{case.code}/").content.decode()
    assert sides_in(page) == sides
    assert words in page
    assert re.search(r"1\.00 . 1\.00 . 3\.00 mm", page)
    (text,) = re.findall(r'id="viewer-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    data = json.loads(text)
    assert list(data["images"][0]["sides"].values()) == sides
    assert data["images"][0]["spacing"] == [1.0, 1.0]


def test_web_picture_has_no_sides_and_it_is_said(submit, colleague, client_of) -> None:
    page = client_of(colleague).get(f"/cases/{submit().code}/").content.decode()
    assert sides_in(page) == [""] * 4
    assert "unknown: left and right are not assured" in page
    assert '"spacing": null' in page


def test_picture_is_shown_through_the_window_of_its_file(case_of, colleague, client_of) -> None:
    case = case_of(slice_file(0, WindowCenter=2000, WindowWidth=1001))
    expected = np.clip((slice_pixels(7).astype(float) - 1499.5) / 1000, 0, 1)
    png = client_of(colleague).get(f"/cases/{case.code}/base.png").content
    shown = np.asarray(PillowImage.open(io.BytesIO(png)))
    assert np.abs(shown - expected * 255).max() <= 0.51
    packed = client_of(colleague).get(f"/cases/{case.code}/base.nii.gz").content
    volume = nib.Nifti1Image.from_bytes(gzip.decompress(packed))
    assert np.array_equal(np.asarray(volume.dataobj)[:, :, 0].T, slice_pixels(7))  # the whole depth
    assert (volume.header["cal_min"], volume.header["cal_max"]) == (1499.5, 2499.5)


def test_further_windows_of_a_file_can_be_chosen(case_of, colleague, client_of) -> None:
    case = case_of(slice_file(0, WindowCenter=[100, 1000, 2000], WindowWidth=[51, 101, 201]))
    page = client_of(colleague).get(f"/cases/{case.code}/").content.decode()
    assert re.findall(r'value="(file-\d)"', page) == ["file-2", "file-3"]
    (text,) = re.findall(r'id="viewer-data"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert json.loads(text)["images"][0]["windows"] == [[949.5, 1049.5], [1899.5, 2099.5]]


def test_marks_of_a_series_page_tell_what_seems_to_be_missing(owner, cohort, colleague, client_of) -> None:
    from cases.intake.uploads import submit_series

    given = files(*(slice_file(z) for z in (0, 3, 6, 12, 15)))
    case = submit_series(by=owner, cohort=cohort, files=given)[0].case
    page = client_of(colleague).get(f"/cases/{case.code}/").content.decode()
    assert "Between the slices others seem to be missing: about 1." in page


def test_area_of_a_region_is_told_in_square_millimetres(case_of) -> None:
    from cases.viewer.marks import MarkedRegion, marks_on

    image = case_of(slice_file(0, PixelSpacing=[0.5, 0.5])).images.get()
    region = {"kind": "rectangle", "image": 0, "x0": 4, "y0": 4, "x1": 14, "y1": 10}
    (mark,) = marks_on(image, [MarkedRegion("You", "A", region)], None, None, None)
    assert mark.area == "15.0 mm²"
