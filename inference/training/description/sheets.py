"""Sample sheets: a few images of each class, drawn by lot, to look at before anything is trained on them.

They hold the data's own pictures: a report with sheets must go nowhere the data may not go.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from inference.formats import read_image
from inference.preprocessing import to_display, to_grey
from inference.training.description.collect import Reading

_EACH = 24
_SIDE = 112


@dataclass(frozen=True)
class Sample:
    """One picture of a sheet. uri: a JPEG of at most 112 x 112 pixels as data URI."""

    name: str
    uri: str


def draw_samples(readings: Sequence[Reading], seed: int) -> dict[str, list[Reading]]:
    """Return class to at most 24 of its images, drawn without replacement: the same for the same seed."""
    chosen: dict[str, list[Reading]] = {}
    for code in sorted({reading.entry.label for reading in readings}):
        members = [reading for reading in readings if reading.entry.label == code]
        picks = np.random.default_rng(seed).choice(len(members), min(_EACH, len(members)), replace=False)
        chosen[code] = [members[index] for index in sorted(picks.tolist())]
    return chosen


def thumbnail(reading: Reading) -> Sample:
    """Return one picture for a sheet."""
    pixels = to_display(to_grey(read_image(reading.entry.path.read_bytes()).pixels))
    image = Image.fromarray(pixels)
    image.thumbnail((_SIDE, _SIDE))
    buffer = io.BytesIO()
    image.save(buffer, format="JPEG", quality=80)
    return Sample(
        reading.entry.name, "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
    )
