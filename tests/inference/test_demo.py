from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from inference.demo.__main__ import make
from inference.demo.anatomy import Head, cut, load_head
from inference.demo.lesions import draw
from inference.demo.script import SCRIPTS, Script
from inference.formats import read_image
from inference.preprocessing import to_grey

DEMO = Path(__file__).parents[2] / "cases" / "demo"


@pytest.fixture(scope="module")
def head() -> Head:
    return load_head()


def shipped() -> list[tuple[Path, str]]:
    with (DEMO / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return [(DEMO / row["path"], row["label"]) for row in csv.DictReader(file)]


def test_shipped_cases_are_those_of_the_script_and_small() -> None:
    cases = shipped()
    assert [label for _, label in cases] == [script.lesion.kind for script in SCRIPTS]
    assert Counter(label for _, label in cases) == {
        "glioma": 6,
        "meningioma": 6,
        "pituitary": 6,
        "notumor": 6,
    }
    assert sum(path.stat().st_size for path, _ in cases) < 1_500_000
    assert not any(label in path.name for path, label in cases)


def test_every_shipped_case_decodes_and_carries_its_mark() -> None:
    depths: Counter[tuple[int, str]] = Counter()
    for path, _ in shipped():
        image = read_image(path.read_bytes())
        corner = to_grey(image.pixels)[4 : image.height // 16, 6 : image.width // 4]
        assert float(corner.max()) > 0.6 * float(image.pixels.max()), path.name
        assert image.notices == ()
        depths[image.bit_depth, image.colour] += 1
    assert depths == {(8, "grey"): 20, (16, "grey"): 3, (8, "rgb"): 1}


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
