"""What a format is, what it returns, and how much of it is accepted."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inference.geometry import Geometry, Way

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

# Arithmetic on pixels takes four to eight times their memory: block by block it does not add up.
_BLOCK_PIXELS = 2**20


def row_blocks(height: int, width: int) -> Iterator[slice]:
    """Yield the rows of an image, from the top, in slices of at most about a million pixels."""
    rows = max(1, _BLOCK_PIXELS // width)
    return (slice(first, first + rows) for first in range(0, height, rows))


@dataclass(frozen=True)
class Limits:
    """The most that one upload may cost: bytes of the file, pixels of a decoded image, images in one file,
    bytes of a file once it is unpacked; and an image's least side in pixels.

    volume: which one is wanted of a file that holds several, from 1; 0 where nobody has chosen.
    """

    max_bytes: int = 50 * 2**20
    max_pixels: int = 16_000_000
    min_side: int = 32
    max_images: int = 2_000
    max_unpacked: int = 512 * 2**20
    volume: int = 0


@dataclass(frozen=True)
class Notice:
    """Something that was changed on the way in and that the reader must know. `message` is one sentence."""

    code: str
    message: str


@dataclass(frozen=True)
class Intensity:
    """What grey values stand for, and how the file wants them shown.

    slope, intercept: the file's own value (DICOM's modality value) is slope * grey + intercept; both None
    where greys are not proportional to it. windows: the greys that become black and white, the file's first
    choice first.
    """

    slope: float | None = None
    intercept: float | None = None
    windows: tuple[tuple[float, float], ...] = ()

    def finite(self) -> Intensity:
        """The same without numbers beyond what floating-point holds, as absurd headers make them."""
        windows = tuple(window for window in self.windows if all(map(math.isfinite, window)))
        if self.slope is None or self.intercept is None:
            return Intensity(windows=windows)
        if not math.isfinite(self.slope) or not math.isfinite(self.intercept):
            return Intensity(windows=windows)
        return Intensity(self.slope, self.intercept, windows)


# What of a file's header may be kept: numbers, and words of closed lists (formats/dicom/kept.py).
Kept: TypeAlias = Mapping[str, str | float]


@dataclass(frozen=True)
class Original:
    """What names a frame in the archive that it comes from, and how its pixels lie there.

    frame: its number in the instance, from 1; 0 where it has that alone. rows, columns, way: of the file, and
    how the picture was turned from it (inference.geometry.turned_back).
    """

    patient: str
    issuer: str
    study: str
    series: str
    instance: str
    sop_class: str
    frame: int
    rows: int
    columns: int
    way: Way


@dataclass(frozen=True)
class Source:
    """What a hospital's file says of whom and what it shows.

    patient, person, study, series, instance and date name the patient: they are for the door alone, which
    makes keys of them at once (cases/intake/deidentification.py), and are stored and logged nowhere. Empty,
    or None, for what the file does not say. patient: what the archive calls the patient; person: all that
    tells people apart. location: how far along its axis the slice lies, in mm. apart: what tells images of
    the same place in one series apart, such as echo, b-value and time. burned_in: "yes" where the file says
    that text is burned in, "maybe" where it is a screen copy and does not say, "" otherwise. removed: how
    many elements of the header were not kept. original: what names the frame in its archive, for cohorts that
    may keep it, encrypted (cases/intake/originals.py).
    """

    patient: str = ""
    person: str = ""
    study: str = ""
    series: str = ""
    instance: str = ""
    date: str = ""
    number: int | None = None
    location: float | None = None
    modality: str = ""
    apart: tuple[tuple[str, float], ...] = ()
    is_localizer: bool = False
    burned_in: str = ""
    kept: Kept = field(default_factory=dict)
    removed: int = 0
    original: Original | None = None


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """One decoded slice, upright, without metadata but what `source` has for the door.

    pixels: uint8 or uint16 (H, W), or uint8 (H, W, 3) in RGB order; row 0 is the top, column 0 the left of
    the picture, which is turned radiologically where `geometry` knows how. A colour file whose three channels
    are equal arrives as grey. frame: its place in the file.
    """

    pixels: Pixels
    format_id: str
    notices: tuple[Notice, ...] = ()
    geometry: Geometry = field(default_factory=Geometry)
    intensity: Intensity = field(default_factory=Intensity)
    source: Source | None = None
    frame: int = 0

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.pixels.shape[0])

    @property
    def bit_depth(self) -> int:
        """Bits a channel as stored: 8 or 16 (12-bit values arrive in 16)."""
        return int(self.pixels.dtype.itemsize) * 8

    @property
    def colour(self) -> Literal["grey", "rgb"]:
        """Whether there are one or three channels."""
        return "grey" if self.pixels.ndim == 2 else "rgb"


@dataclass(frozen=True)
class ImageFormat:
    """One accepted file format. `matches` looks at the first bytes only; `decode` raises ImageError, nothing
    else. `decode_all`: of a format whose files may hold many images, one after the other.
    """

    id: str
    label: str
    matches: Callable[[bytes], bool]
    decode: Callable[[bytes, Limits], DecodedImage]
    decode_all: Callable[[bytes, Limits], Iterator[DecodedImage]] | None = None
