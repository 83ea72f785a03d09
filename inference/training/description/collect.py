"""Reads every file once and keeps what the report needs of it; a bad file is a record, never an abort."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.contradictions import pixel_digest
from inference.errors import ImageError
from inference.fingerprints import Hashes, fingerprint
from inference.formats import Pixels, read_image
from inference.preprocessing import to_grey
from inference.training.description.listing import Entry
from inference.training.progress import Progress, silent

# Figures of one image, in grey levels from 0 to 255; 16-bit values are divided by 257.
MEASURES = {
    "mean": "mean",
    "sd": "standard deviation",
    "min": "darkest pixel",
    "max": "brightest pixel",
}
_LEVELS = 256


@dataclass(frozen=True, eq=False)
class Reading:
    """One readable image.

    file_digest, pixel_digest: SHA-256 of the bytes, and of the decoded pixels (a grey picture saved as
    colour has the same). mode: as the file stores it (Pillow's name), for instance L or RGB. intensity:
    MEASURES to grey levels. histogram: float64 (256,), shares of the pixels. hashes: uint64 (2, 4).
    """

    entry: Entry
    file_digest: str
    pixel_digest: str
    file_format: str
    mode: str
    bit_depth: int
    size: str
    intensity: dict[str, float]
    histogram: NDArray[np.float64]
    hashes: Hashes


@dataclass(frozen=True)
class Fault:
    """One file that cannot be read. code: of ImageError, or file_missing."""

    entry: Entry
    code: str
    message: str


def collect(entries: Sequence[Entry], progress: Progress = silent) -> tuple[list[Reading], list[Fault]]:
    """Read all files, in their order. progress: told how many of how many are done."""
    readings: list[Reading] = []
    faults: list[Fault] = []
    for index, entry in enumerate(entries, start=1):
        try:
            readings.append(_read(entry))
        except ImageError as error:
            faults.append(Fault(entry, error.code, error.message))
        except OSError:
            faults.append(Fault(entry, "file_missing", "The file cannot be opened."))
        progress(index, len(entries))
    return readings, faults


def _read(entry: Entry) -> Reading:
    data = entry.path.read_bytes()
    image = read_image(data)
    grey = to_grey(image.pixels)
    return Reading(
        entry=entry,
        file_digest=hashlib.sha256(data).hexdigest(),
        pixel_digest=pixel_digest(image.pixels),
        file_format=image.format_id,
        mode=_stored_mode(data),
        bit_depth=image.bit_depth,
        size=f"{image.width} x {image.height}",
        intensity=_intensity(grey),
        histogram=_histogram(grey),
        hashes=fingerprint(image.pixels),
    )


def _stored_mode(data: bytes) -> str:
    """The mode that the header names; `read_image` makes grey of colour files whose channels are equal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the picture has just been decoded; its irregularities are known
        with Image.open(io.BytesIO(data)) as image:
            return image.mode


def _intensity(grey: Pixels) -> dict[str, float]:
    unit = 1.0 if grey.dtype == np.uint8 else 257.0
    return {
        "mean": float(grey.mean()) / unit,
        "sd": float(grey.std()) / unit,
        "min": float(grey.min()) / unit,
        "max": float(grey.max()) / unit,
    }


def _histogram(grey: Pixels) -> NDArray[np.float64]:
    levels = grey if grey.dtype == np.uint8 else (grey >> 8).astype(np.uint8)
    return np.bincount(levels.reshape(-1), minlength=_LEVELS) / levels.size
