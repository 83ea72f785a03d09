"""What a format is, what it returns, and how much of it is accepted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

# Arithmetic on pixels takes four to eight times their memory: block by block it does not add up.
_BLOCK_PIXELS = 2**20


def row_blocks(height: int, width: int) -> Iterator[slice]:
    """Yield the rows of an image, from the top, in slices of at most about a million pixels."""
    rows = max(1, _BLOCK_PIXELS // width)
    return (slice(first, first + rows) for first in range(0, height, rows))


@dataclass(frozen=True)
class Limits:
    """The most that one upload may cost: bytes of the file, pixels of the decoded image; and its least side
    in pixels.
    """

    max_bytes: int = 50 * 2**20
    max_pixels: int = 16_000_000
    min_side: int = 32


@dataclass(frozen=True)
class Notice:
    """Something that was changed on the way in and that the reader must know. `message` is one sentence."""

    code: str
    message: str


@dataclass(frozen=True, eq=False)
class DecodedImage:
    """One decoded slice, upright, without metadata.

    pixels: uint8 or uint16 (H, W), or uint8 (H, W, 3) in RGB order; row 0 is the top, column 0 the left of
    the picture. A colour file whose three channels are equal arrives as grey.
    """

    pixels: Pixels
    format_id: str
    notices: tuple[Notice, ...] = ()

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
    else.
    """

    id: str
    label: str
    extensions: tuple[str, ...]
    media_types: tuple[str, ...]
    matches: Callable[[bytes], bool]
    decode: Callable[[bytes, Limits], DecodedImage]
