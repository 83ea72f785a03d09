"""The classes' colours can be told apart by people who see colours otherwise, and never stand alone.

Dichromacy is simulated by the matrices of Machado, Oliveira and Fernandes (2009), "A physiologically-based
model for simulation of color vision deficiency", IEEE TVCG 15(6), for a severity of 1.0, in linear RGB; the
difference is CIEDE2000.
"""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

STYLES = Path(__file__).resolve().parents[2] / "static" / "css"
SIGHT = {
    "all": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# A difference of 2.3 is just noticed side by side; a small mark beside a label wants several times that.
LEAST = 10.0


def class_colours(theme: str) -> dict[str, NDArray[np.float64]]:
    """SRGB in [0, 1] by class."""
    found = re.findall(
        r"--class-(\w+): light-dark\(#(\w{6}), #(\w{6})\);", (STYLES / "tokens.css").read_text("utf-8")
    )
    return {
        name: np.array(list(bytes.fromhex(light if theme == "light" else dark))) / 255
        for name, light, dark in found
    }


def seen(colour: NDArray[np.float64], sight: NDArray[np.float64]) -> NDArray[np.float64]:
    """SRGB (3,), [0, 1], as somebody with this sight has it."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    mixed = np.clip(sight @ linear, 0, 1)
    return np.where(mixed <= 0.0031308, mixed * 12.92, 1.055 * mixed ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("sight", SIGHT)
def test_two_classes_are_told_apart_by_their_colours(theme: str, sight: str) -> None:
    colours = class_colours(theme)
    assert set(colours) == {"glioma", "meningioma", "notumor", "pituitary", "other"}
    lab = {name: rgb2lab(seen(colour, SIGHT[sight])) for name, colour in colours.items()}
    apart = {
        (one, two): round(float(deltaE_ciede2000(lab[one], lab[two])), 1) for one, two in combinations(lab, 2)
    }
    assert {pair: found for pair, found in apart.items() if found < LEAST} == {}


def test_each_class_has_a_shape_of_its_own_beside_its_colour() -> None:
    rules = re.findall(
        r'\[data-class(?:="(\w+)")?\] \{ --class-colour: var\(--class-(\w+)\); --class-shape: ([^;]+); \}',
        (STYLES / "data.css").read_text("utf-8"),
    )
    assert {colour for _, colour, _ in rules} == set(class_colours("dark"))
    assert len({shape for _, _, shape in rules}) == len(rules) == 5
