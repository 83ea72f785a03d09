"""Whether two pictures are the same one, also once it was saved again, scaled, cropped, brightened or turned.

A reader of a blinded cohort could take a picture from its page, alter it a little, and upload it where the
network's result is shown first. The hash is that of `fingerprints` (signs of low DCT frequencies), of another
frame: what a picture shows is found first, so that it does not matter how much lies around it. Borders of one
value are taken off; the frame then is the middle of what is brighter than the background, two standard
deviations to each side. A quarter turn or a mirror only exchanges or turns known bits, so that a picture is
looked for in all eight positions.

A picture is found among many by exact pieces of its hash: BANDS pieces of PIECE_BITS bits, each with some of
the low and some of the high frequencies. Two hashes that differ in few bits share a piece nearly always.

Measured on the 2,967 different slices of the labelled public set, 4.4 million pairs, each in all eight
positions: at MAX_DISTANCE none matches one of another patient. 40 pairs match that the set's list gives to
different patients, and are copies on sight: upside down, or of new contrast. The next pair is 33 bits apart.
14 % match another slice of their own patient: a hit says “this slice, or one just beside it”. By its pieces a
slice meets 4 others of the 2,967 that are then compared in full. Of 160 slices, altered, so many are found by
a piece and alike:

    saved as JPEG of quality 30, half or 1.7 times the size, brightened by a tenth, squeezed    100 %
    mirrored, or turned by a quarter, and saved as JPEG                                          99 %
    inside another border, black or white                                                     99, 100 %
    2 % cut off each side; that, scaled, brightened, JPEG of quality 60; 6 % off one side     98, 97, 94 %
    another gamma (0.8)                                                                          91 %
    5 % cut off each side, into the head                                                         44 %

The rest, and what was turned by other angles or painted over, is not found.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.fingerprints import BITS, MAX_DISTANCE, Hashes, distances, hash_picture
from inference.formats import Pixels
from inference.preprocessing import intensity_window, to_display, to_grey

BANDS, PIECE_BITS = 12, 20

_SIDE = 16
_LOOKED_AT = 256  # pixels of the longer side
_PICTURE_SIDE = 64
_FLAT, _NEARLY_ALL = 6, 0.96  # grey values of 256, and the share of a border's row that keeps to them
_LEAST_SIDE = 16
_BACKGROUND = 0.12  # of the window
_FRAME = 2.0  # standard deviations to each side

Bits = NDArray[np.bool_]

# From the lowest frequency up, so that every piece has its share of the steady ones.
_BY_FREQUENCY = np.argsort(np.add.outer(np.arange(_SIDE), np.arange(_SIDE)).reshape(-1), kind="stable")
_PIECES = np.stack([_BY_FREQUENCY[band : BANDS * PIECE_BITS : BANDS] for band in range(BANDS)])
_WEIGHTS = 1 << np.arange(PIECE_BITS)
_ODD = np.arange(_SIDE) % 2 == 0  # frequencies 1, 3, 5, ...: the first one left out is 0


def likeness_of(pixels: Pixels) -> str:
    """Return the hash of what a picture shows, as 64 hexadecimal digits; "" where it shows nothing.

    pixels: as `to_tensor` takes them.
    """
    content = _content(pixels)
    if content is None:
        return ""
    plain = hash_picture(content)[0]
    likeness: str = plain.astype(">u8").tobytes().hex()
    return likeness


def pieces_of(likeness: str) -> list[int]:
    """Return the BANDS pieces by which a hash is found, each with its place: no two bands share a value."""
    return _pieces(_bits_of(likeness))


def pieces_in_any_position(likeness: str) -> list[int]:
    """Return the pieces of a hash and of the same picture mirrored and turned: 8 x BANDS, or fewer."""
    return sorted({piece for bits in _positions(_bits_of(likeness)) for piece in _pieces(bits)})


def alike(likeness: str, others: Iterable[str]) -> list[bool]:
    """Return, for each of the other hashes, whether it is of the same picture, in whatever position."""
    many = np.array([_words_of(other) for other in others], np.uint64).reshape(-1, BITS // 64)
    nearest = np.full(len(many), BITS, np.uint16)
    for bits in _positions(_bits_of(likeness)):
        nearest = np.minimum(nearest, distances(_packed(bits), many))
    return [bool(near) for near in nearest <= MAX_DISTANCE]


def _content(pixels: Pixels) -> NDArray[np.float32] | None:
    """Return float32 (64, 64) in [0, 1]: the frame of what is shown; None where nothing is."""
    grey = _without_border(_small(to_display(to_grey(pixels))))
    low, high = intensity_window(grey)
    if high <= low:
        return None
    shown = np.clip((grey.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    # The fourth root, so that new contrast hardly moves the frame.
    weights = np.where(shown > _BACKGROUND, np.sqrt(np.sqrt(shown)), 0.0)
    left, right = _span(weights.sum(axis=0))
    top, bottom = _span(weights.sum(axis=1))
    if right - left < 1 or bottom - top < 1:
        return None
    height, width = shown.shape
    before = max(0, int(np.ceil(-min(left, top))) + 1)
    after = max(0, int(np.ceil(max(right - width, bottom - height))) + 1)
    around = Image.fromarray(np.pad(shown, (before, after)))
    box = (left + before, top + before, right + before, bottom + before)
    size = (_PICTURE_SIDE, _PICTURE_SIDE)
    return np.asarray(around.resize(size, Image.Resampling.BILINEAR, box=box))


def _small(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return uint8 (H, W), at most _LOOKED_AT on the longer side."""
    height, width = grey.shape
    scale = _LOOKED_AT / max(width, height)
    if scale >= 1:
        return grey
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(Image.fromarray(grey).resize(size, Image.Resampling.BOX))


def _without_border(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Take off the outer rows and columns that are of one value, of whatever brightness."""
    rows, columns = (np.flatnonzero(~_is_flat(lines)) for lines in (grey, grey.T))
    if len(rows) < _LEAST_SIDE or len(columns) < _LEAST_SIDE:
        return grey
    return grey[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _is_flat(lines: NDArray[np.uint8]) -> Bits:
    """Return bool (N,), of uint8 (N, L): whether nearly all of a line is what it begins with."""
    from_first = np.abs(lines.astype(np.int16) - lines[:, :1])
    flat: Bits = np.mean(from_first <= _FLAT, axis=1) >= _NEARLY_ALL
    return flat


def _span(weights: NDArray[np.floating]) -> tuple[float, float]:
    """The middle of a distribution over pixels, with _FRAME standard deviations to each side."""
    at = np.arange(len(weights)) + 0.5
    total = max(float(weights.sum()), 1e-9)
    middle = float(weights @ at) / total
    spread = float(np.sqrt(max(float(weights @ (at - middle) ** 2) / total, 0.0)))
    return middle - _FRAME * spread, middle + _FRAME * spread


def _words_of(likeness: str) -> Hashes:
    """Return uint64 (4,) of the 64 digits."""
    return np.frombuffer(bytes.fromhex(likeness), ">u8").astype(np.uint64)


def _bits_of(likeness: str) -> Bits:
    """Return bool (16, 16) of the 64 digits."""
    return np.unpackbits(np.frombuffer(bytes.fromhex(likeness), np.uint8)).reshape(_SIDE, _SIDE).astype(bool)


def _packed(bits: Bits) -> Hashes:
    """Return uint64 (4,) of bool (16, 16)."""
    return np.packbits(bits.reshape(-1)).view(">u8").astype(np.uint64)


def _positions(bits: Bits) -> list[Bits]:
    """The bits of the picture mirrored and turned by quarters, itself first: eight of bool (16, 16)."""
    found = []
    for laid in (bits, bits.T):
        for flipped in (laid, laid ^ _ODD[:, None]):
            found += [flipped, flipped ^ _ODD[None, :]]
    return found


def _pieces(bits: Bits) -> list[int]:
    values = bits.reshape(-1)[_PIECES] @ _WEIGHTS
    return [(band << PIECE_BITS) | int(value) for band, value in enumerate(values)]
