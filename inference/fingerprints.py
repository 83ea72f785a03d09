"""Perceptual hashes of slices, which survive mirroring, re-saving and new contrast.

A public slice stands in many collections, mirrored, re-saved or re-contrasted. A network that trained on one
copy has an easy case in the other, and a reader must be told so. The hash is the perceptual hash of Zauner
(Implementation and Benchmarking of Perceptual Image Hash Functions, 2010) on the network's own normalised
picture: the signs of low DCT frequencies against their median. Two things differ from the ImageHash package:
the first row and column, which brightness and large asymmetries rule, are left out, which on brain slices
flags a tenth as many foreign patients; and the mirror image's hash follows from the same frequencies.

Measured on 5,854 public slices whose copies and patients are known (the tests repeat it on a quarter): of
the 4,552 that have copies, 99.7 % find one within MAX_DISTANCE. Of all, one finds a slice of another group;
of the 3,953 whose patient is known for certain, none finds another patient's. 18 % find a different slice
of the same patient: a hit says "this slice, or one just beside it". A crop of 1 % on each side is still
found (98 %), a crop of 3 % is not.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dctn

from inference.errors import ManifestError
from inference.formats import Pixels
from inference.preprocessing import to_tensor

ALGORITHM = "dct-256-v1"
BITS = 256
MAX_DISTANCE = 32

Hashes = NDArray[np.uint64]

_PICTURE_SIDE = 64
_FREQUENCIES = slice(1, 17)
_WORDS = BITS // 64
_STORED = np.dtype("<u8")


def fingerprint(pixels: Pixels) -> Hashes:
    """Return uint64 (2, 4): the 256 bits of a slice, and those of its mirror image (left to right).

    pixels: as `to_tensor` takes them. A constant picture has no features: its hash is 0.
    """
    return hash_picture(to_tensor(pixels, _PICTURE_SIDE)[..., 0])


def hash_picture(picture: NDArray[np.float32]) -> Hashes:
    """Return uint64 (2, 4) of a normalised picture: float32 (64, 64) in [0, 1]."""
    plain = dctn(picture, norm="ortho")[_FREQUENCIES, _FREQUENCIES]
    # Mirroring a picture turns the sign of the odd horizontal frequencies of a DCT-II, and nothing else.
    mirrored = plain.copy()
    mirrored[:, 0::2] *= -1
    return np.stack([_bits(plain), _bits(mirrored)])


def distances(one: Hashes, many: Hashes) -> NDArray[np.uint16]:
    """Return uint16 (N,): in how many of the 256 bits `one` (4,) differs from each of `many` (N, 4)."""
    differing: NDArray[np.uint16] = np.bitwise_count(one ^ many).sum(axis=1, dtype=np.uint16)
    return differing


@dataclass(frozen=True, eq=False)
class FingerprintSet:
    """The slices that a network was trained on. hashes: uint64 (N, 4), sorted, each once; mirror images are
    not stored, since a slice is looked up with its mirror image.
    """

    hashes: Hashes
    max_distance: int = MAX_DISTANCE

    @classmethod
    def of(cls, fingerprints: Iterable[Hashes], max_distance: int = MAX_DISTANCE) -> FingerprintSet:
        """Collect what `fingerprint` returned for each slice. Exact mirror images become one entry."""
        rows = [min(both.tolist()) for both in fingerprints]
        return cls(np.unique(np.array(rows, np.uint64).reshape(-1, _WORDS), axis=0), max_distance)

    @classmethod
    def from_manifest(cls, field: dict[str, Any]) -> FingerprintSet:
        """Read a manifest's `training_images`, whose shape its schema has checked.

        Raises ManifestError manifest_invalid where the hashes are damaged or of another kind or number.
        """
        if field["algorithm"] != ALGORITHM:
            raise _invalid(f"are of another kind than {ALGORITHM}. Received {field['algorithm']!r}")
        hashes = _decode(field["hashes"])
        if len(hashes) != field["count"]:
            raise _invalid(f"should be {field['count']}. Received {len(hashes)}")
        return cls(hashes, int(field["max_distance"]))

    def as_manifest(self) -> dict[str, Any]:
        """Return the manifest's `training_images`: JSON-ready, the hashes as little-endian base64."""
        return {
            "algorithm": ALGORITHM,
            "count": len(self.hashes),
            "max_distance": self.max_distance,
            "hashes": base64.b64encode(self.hashes.astype(_STORED).tobytes()).decode("ascii"),
        }

    def nearest(self, pixels: Pixels) -> int:
        """Return in how many bits a slice, or its mirror image, differs from the nearest; 256 from an empty
        set.
        """
        if not len(self.hashes):
            return BITS
        return min(int(distances(one, self.hashes).min()) for one in fingerprint(pixels))

    def contains(self, pixels: Pixels) -> bool:
        """Return whether this slice, a copy or its mirror image is in the set, as nearly as hashes tell."""
        return self.nearest(pixels) <= self.max_distance


def _bits(frequencies: NDArray[np.float32]) -> Hashes:
    bits = frequencies > np.median(frequencies)
    return np.packbits(bits.reshape(-1)).view(">u8").astype(np.uint64)


def _decode(text: str) -> Hashes:
    try:
        data = base64.b64decode(text, validate=True)
        return np.frombuffer(data, _STORED).astype(np.uint64).reshape(-1, _WORDS)
    except (binascii.Error, ValueError) as error:
        raise _invalid("cannot be read. Received damaged base64") from error


def _invalid(what: str) -> ManifestError:
    return ManifestError("manifest_invalid", f"The hashes of the training images {what}.")
