"""`python -m inference.demo OUT_DIR`: write the simulated slices, manifest.csv (path, label, case), and the
series that comes as a hospital sends it.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from inference.demo import hospital
from inference.demo.anatomy import Grid, Head, cut, load_head
from inference.demo.lesions import draw
from inference.demo.scanner import Scanner, acquire, coloured, eight_bit, twelve_bit
from inference.demo.script import SCRIPTS, SERIES, Script
from inference.formats import Pixels

_SEED = 152
# Tells the randomness of the series from that of the single slices.
_SERIES = 1_000


def main(out: Path) -> None:
    """Write every case. File names tell the number only, so that a reader is not told the answer."""
    out.mkdir(parents=True, exist_ok=True)
    head = load_head()
    rows = []
    for number, script in enumerate(SCRIPTS, start=1):
        name = f"simulated-{number:02d}.{'jpg' if script.medium == 'jpeg' else 'png'}"
        _write(out / name, make(head, script, np.random.default_rng([_SEED, number])), script.medium)
        rows.append((name, script.lesion.kind, ""))
    for number, series in enumerate(SERIES, start=1):
        for place, script in enumerate(series.scripts(), start=1):
            name = f"series-{number}-{place:02d}.jpg"
            _write(out / name, make_slice_of_series(head, script, number, place), script.medium)
            rows.append((name, series.lesion.kind, f"series-{number}"))
    hospital.write(out, head)
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label", "case"))
        writer.writerows(rows)


def make(head: Head, script: Script, rng: np.random.Generator) -> Pixels:
    """Return the pixels of one case, as `inference.formats` would decode them."""
    slice_ = cut(head, script.plane, script.size, rng)
    scanner = _scanner(rng)
    return _developed(acquire(draw(slice_, script.lesion, rng), scanner, rng), script.medium)


def make_slice_of_series(head: Head, script: Script, number: int, place: int) -> Pixels:
    """Return one slice of a series. Head, lesion, scanner and coil each begin with the same randomness on
    every slice, so that they are the same ones; the noise is the slice's own.
    """
    of_head, of_lesion, of_scanner, of_coil = (
        np.random.default_rng([_SEED, _SERIES, number, part]) for part in range(4)
    )
    noise = np.random.default_rng([_SEED, _SERIES, number, 4, place])
    image = draw(cut(head, script.plane, script.size, of_head), script.lesion, of_lesion)
    return _developed(acquire(image, _scanner(of_scanner), of_coil, noise), script.medium)


def _scanner(rng: np.random.Generator) -> Scanner:
    return Scanner(rng.uniform(0.95, 1.45), rng.uniform(0.08, 0.22), rng.uniform(0.010, 0.022))


def _developed(image: Grid, medium: str) -> Pixels:
    if medium == "png12":
        return twelve_bit(image)
    return coloured(image) if medium == "colour" else eight_bit(image)


def _write(path: Path, pixels: Pixels, medium: str) -> None:
    image = Image.fromarray(pixels)
    if medium == "jpeg":
        image.save(path, quality=90)
    else:
        image.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
