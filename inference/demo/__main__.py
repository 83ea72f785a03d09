"""`python -m inference.demo OUT_DIR`: write the simulated slices and their manifest.csv (path, label)."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from inference.demo.anatomy import Head, cut, load_head
from inference.demo.lesions import draw
from inference.demo.scanner import Scanner, acquire, coloured, eight_bit, twelve_bit
from inference.demo.script import SCRIPTS, Script
from inference.formats import Pixels

_SEED = 152


def main(out: Path) -> None:
    """Write every case. File names tell the number only, so that a reader is not told the answer."""
    out.mkdir(parents=True, exist_ok=True)
    head = load_head()
    rows = []
    for number, script in enumerate(SCRIPTS, start=1):
        name = f"simulated-{number:02d}.{'jpg' if script.medium == 'jpeg' else 'png'}"
        _write(out / name, make(head, script, np.random.default_rng([_SEED, number])), script.medium)
        rows.append((name, script.lesion.kind))
    with (out / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("path", "label"))
        writer.writerows(rows)


def make(head: Head, script: Script, rng: np.random.Generator) -> Pixels:
    """Return the pixels of one case, as `inference.formats` would decode them."""
    slice_ = cut(head, script.plane, script.size, rng)
    scanner = Scanner(rng.uniform(0.95, 1.45), rng.uniform(0.08, 0.22), rng.uniform(0.010, 0.022))
    image = acquire(draw(slice_, script.lesion, rng), scanner, rng)
    if script.medium == "png12":
        return twelve_bit(image)
    return coloured(image) if script.medium == "colour" else eight_bit(image)


def _write(path: Path, pixels: Pixels, medium: str) -> None:
    image = Image.fromarray(pixels)
    if medium == "jpeg":
        image.save(path, quality=90)
    else:
        image.save(path, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
