from __future__ import annotations

import csv
import dataclasses
import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from inference.demo import hospital
from inference.demo.__main__ import make, make_slice_of_series
from inference.demo.anatomy import Head, cut, load_brain, load_head
from inference.demo.lesions import Lesion, draw
from inference.demo.script import SCRIPTS, SERIES, Script, Series
from inference.errors import DataError
from inference.formats import read_image
from inference.preprocessing import to_grey
from inference.series import Member, groups_of

pytestmark = pytest.mark.slow

DEMO = Path(__file__).parents[2] / "cases" / "demo"


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def shipped() -> list[tuple[Path, str]]:
    with (DEMO / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [(DEMO / row["path"], row["label"]) for row in csv.DictReader(file)]


def test_shipped_cases_are_those_of_the_script_and_small() -> None:
    cases = shipped()
    single = cases[: len(SCRIPTS)]
    assert [label for _, label in single] == [script.lesion.kind for script in SCRIPTS]
    assert [label for _, label in cases[len(SCRIPTS) :]] == [
        series.lesion.kind for series in SERIES for _ in series.scripts()
    ]
    assert Counter(label for _, label in single) == {
        "glioma": 6,
        "meningioma": 6,
        "pituitary": 6,
        "notumor": 6,
    }
    assert sum(path.stat().st_size for path, _ in cases) < 1_500_000
    assert not any(label in path.name for path, label in cases)


def test_template_that_is_not_installed_is_told_in_words(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "nilearn.datasets", None)
    with pytest.raises(DataError, match=r"requirements-dev\.txt") as refusal:
        load_brain()
    assert refusal.value.code == "packages_missing"


def test_every_shipped_case_decodes_and_carries_its_mark() -> None:
    depths: Counter[tuple[int, str]] = Counter()
    for path, _ in shipped():
        image = read_image(path.read_bytes())
        corner = to_grey(image.pixels)[4 : image.height // 16, 6 : image.width // 4]
        assert float(corner.max()) > 0.6 * float(image.pixels.max()), path.name
        assert image.notices == ()
        depths[image.bit_depth, image.colour] += 1
    assert depths == {(8, "grey"): 20 + 24, (16, "grey"): 3, (8, "rgb"): 1}


@pytest.mark.parametrize(
    "number", [index for index, each in enumerate(SCRIPTS) if each.lesion.kind != "notumor"]
)
def test_lesion_is_drawn_where_the_script_puts_it_and_nowhere_else(head: Head, number: int) -> None:
    script, rng = SCRIPTS[number], np.random.default_rng(3)
    slice_ = cut(head, script.plane, 160, rng)
    changed = np.abs(draw(slice_, script.lesion, rng) - slice_.image)
    away = np.hypot(slice_.u - script.lesion.u, slice_.v - script.lesion.v)
    assert float(changed[away < script.lesion.radius].mean()) > 0.1
    assert float(changed[away > script.lesion.radius + 45].max()) == 0.0


@pytest.mark.parametrize("series", SERIES)
def test_lesion_of_a_series_is_a_ball_that_grows_and_shrinks_from_slice_to_slice(series: Series) -> None:
    radii = [script.lesion.radius for script in series.scripts()]
    assert len(radii) == 12
    assert (radii[0], radii[-1]) == (0.0, 0.0)
    largest = radii.index(max(radii))
    assert radii[: largest + 1] == sorted(radii[: largest + 1])
    assert radii[largest:] == sorted(radii[largest:], reverse=True)
    assert max(radii) > series.lesion.radius - 0.5
    assert {script.lesion.kind for script in series.scripts()} == {series.lesion.kind, "notumor"}


def test_slices_of_a_series_show_one_head_with_noise_of_their_own(head: Head) -> None:
    script = Script(SCRIPTS[0].plane, SCRIPTS[0].lesion, "png8", 128)
    first, again, other = (make_slice_of_series(head, script, 1, place).astype(float) for place in (1, 1, 2))
    stranger = make_slice_of_series(head, script, 2, 1).astype(float)
    assert np.array_equal(first, again)
    assert 0 < np.abs(first - other).mean() < 0.5 * np.abs(first - stranger).mean()


def test_slice_without_a_lesion_is_left_as_it_is(head: Head) -> None:
    script = SCRIPTS[1]
    slice_ = cut(head, script.plane, 96, np.random.default_rng(3))
    assert np.array_equal(draw(slice_, script.lesion, np.random.default_rng(4)), slice_.image)


@pytest.mark.parametrize(
    ("medium", "shape", "dtype"),
    [("png8", (96, 96), "uint8"), ("png12", (96, 96), "uint16"), ("colour", (96, 96, 3), "uint8")],
)
def test_same_seed_makes_the_same_pixels(head: Head, medium: str, shape: tuple[int, ...], dtype: str) -> None:
    script = Script(SCRIPTS[0].plane, SCRIPTS[0].lesion, medium, 96)
    first, second = (make(head, script, np.random.default_rng(9)) for _ in range(2))
    assert (first.shape, str(first.dtype)) == (shape, dtype)
    assert np.array_equal(first, second)
    assert int(first.max()) <= (4095 if medium == "png12" else 255)


def test_shipped_hospital_series_lies_where_its_script_puts_it() -> None:
    with zipfile.ZipFile(DEMO / hospital.NAME) as archive:
        images = [read_image(archive.read(name)) for name in archive.namelist()]
    assert (DEMO / hospital.NAME).stat().st_size < 500_000
    heights = [(image.geometry.position or (0, 0, -1))[2] for image in images]
    assert heights != sorted(heights)
    assert sorted(heights) == [script.plane.offset for script in hospital.SERIES.scripts()]
    assert {image.geometry.markers for image in images} == {("R", "L", "A", "P")}
    assert {image.pixels.shape for image in images} == {(160, 160)}
    members = [
        Member("", "", "", str(at), at, image.geometry, (160, 160), number=at)
        for at, image in enumerate(images)
    ]
    (group,) = groups_of(members)
    assert group.remarks == []


def test_hospital_series_shows_the_patients_right_on_the_left(head: Head) -> None:
    """The lesion is at x = -54 of MNI space, which grows to the right: on the right of the picture."""
    slices = list(hospital.SERIES.scripts())
    place = max(range(len(slices)), key=lambda at: slices[at].lesion.radius)
    none = dataclasses.replace(slices[place], lesion=Lesion("notumor", 0, 0, 0))
    with_it = hospital.slice_of(head, slices[place], place).astype(float)
    without = hospital.slice_of(head, none, place).astype(float)
    columns = np.abs(with_it - without).sum(axis=0)
    assert slices[place].lesion.u < 0
    assert columns[80:].sum() > 5 * columns[:80].sum()
