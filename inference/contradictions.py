"""The same image under two labels: which of them is right only people can say, so it is never guessed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.errors import DataError
from inference.files import readable
from inference.formats import Pixels

_TOLD = 10


@dataclass(frozen=True)
class Place:
    """Where an image was found, in words or as a path, and the label that it has there."""

    name: str
    label: str


@dataclass(frozen=True)
class Contradiction:
    """Two places of one image that say different things."""

    first: Place
    second: Place

    @property
    def sentence(self) -> str:
        """Both places and labels."""
        return f"{self.first.name} is {self.first.label}, {self.second.name} is {self.second.label}"


class Labels:
    """The labels seen so far, by the digests of what bears them."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}
        self.contradictions: list[Contradiction] = []

    def add(self, name: str, label: str, digests: Sequence[str]) -> None:
        """Take note of one image. digests: of its bytes, of its pixels; any of them makes two images one."""
        place = Place(readable(name), readable(label))
        firsts = [self._places.setdefault(digest, place) for digest in digests]
        other = next((first for first in firsts if first.label != place.label), None)
        if other is not None:
            self.contradictions.append(Contradiction(other, place))

    def refuse_contradictions(self) -> None:
        """Raise DataError data_invalid with the places, where an image has two labels."""
        if not self.contradictions:
            return
        told = "; ".join(each.sentence for each in self.contradictions[:_TOLD])
        more = len(self.contradictions) - _TOLD
        raise DataError(
            "data_invalid",
            "The same image has two labels; keep the right one and take the other out. "
            f"Received {told}{f'; and {more} more' if more > 0 else ''}.",
        )


def pixel_digest(pixels: Pixels) -> str:
    """Return the SHA-256 of decoded pixels: the same for one picture saved in two lossless formats."""
    header = f"{pixels.shape} {pixels.dtype.str} ".encode()
    return hashlib.sha256(header + np.ascontiguousarray(pixels).tobytes()).hexdigest()
